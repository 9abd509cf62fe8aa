/**
 * npm run lighthouse [-- --mobile]: Google's Lighthouse over the overview, the runs list and a run, signed in, on a product of its own or on the
 * running one whose data folder E2E_DATA_DIR names. Figures with their targets; nothing fails for being slow.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, homedir, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chromium } from "@playwright/test";
import { chromiumPath } from "../e2e/support/chromium.ts";
import { lastGoldRun } from "../e2e/support/pages.ts";
import { readStack, type Stack } from "../e2e/support/stack.ts";
import { startProduct } from "../scripts/running-product.mjs";
import { type Figure, percentile, printFigures } from "./figures.ts";

const exec = promisify(execFile);
/** The last that runs on Node 20. */
const version = "12.8.2";
const rounds = 3;
const targets = { performance: 95, accessibility: 100, "best-practices": 95 } as const;
const mobile = process.argv.includes("--mobile");
const browserFlags = [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--headless=new", "--disable-dev-shm-usage", "--disable-gpu"];

interface Report {
  finalDisplayedUrl: string;
  categories: Record<keyof typeof targets, { score: number | null }>;
  audits: Record<string, { score: number | null; title: string; displayValue?: string; numericValue?: number; details?: { items?: { resourceType?: string; transferSize?: number }[] } }>;
}

/** Where it is kept, which is no dependency of the product; installed with npm where it is missing. */
async function installed(): Promise<string> {
  const folder = path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "lakehouse-control-room", `lighthouse-${version}`);
  const cli = path.join(folder, "node_modules/lighthouse/cli/index.js");
  if (existsSync(cli)) return cli;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), '{ "private": true }');
  await exec("npm", ["install", "--no-audit", "--no-fund", "--save-exact", `lighthouse@${version}`], { cwd: folder, timeout: 300_000 });
  return cli;
}

/** A browser in which the admin has signed in, and where Lighthouse finds it: it opens its pages beside. `home`: where the addresses of the environment begin. */
async function signedIn({ app_url, admin }: Stack, profile: string): Promise<{ home: string; port: number; forget: () => Promise<void>; close: () => Promise<void> }> {
  const context = await chromium.launchPersistentContext(profile, { executablePath: await chromiumPath(), args: [...browserFlags, "--remote-debugging-port=0"], baseURL: app_url });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(admin.email);
  await page.getByRole("textbox", { name: "Password" }).fill(admin.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/overview");
  const home = page.url().replace(/\/overview$/, "");
  await page.goto("about:blank");
  const session = await context.newCDPSession(page);
  return { home, forget: async () => void (await session.send("Network.clearBrowserCache")), port: Number(readFileSync(path.join(profile, "DevToolsActivePort"), "utf8").split("\n")[0]), close: () => context.close() };
}

async function reportOf(cli: string, url: string, port: number, folder: string): Promise<Report> {
  const file = path.join(folder, "report.json");
  await exec(process.execPath, [
    cli, url, "--quiet", "--output=json", `--output-path=${file}`, `--port=${port}`, "--disable-storage-reset", `--only-categories=${Object.keys(targets).join(",")}`, ...(mobile ? [] : ["--preset=desktop"]),
  ], { timeout: 180_000, maxBuffer: 64 * 1024 * 1024 });
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  if (!report.finalDisplayedUrl.includes("/o/")) throw new Error(`${url} led to ${report.finalDisplayedUrl}: the session did not hold`);
  return report;
}

const scriptBytes = ({ audits }: Report) => (audits["network-requests"]?.details?.items ?? []).filter(({ resourceType }) => resourceType === "Script").reduce((sum, { transferSize = 0 }) => sum + transferSize, 0);

const running = process.env["E2E_DATA_DIR"];
const product = running === undefined ? await startProduct() : null;
const folder = mkdtempSync(path.join(tmpdir(), "lighthouse-"));
const figures: Figure[] = [];
let browser: Awaited<ReturnType<typeof signedIn>> | undefined;
try {
  const stack = readStack(running ?? product?.data_dir ?? "");
  const [cli, { run_id }] = [await installed(), await lastGoldRun(stack)];
  browser = await signedIn(stack, path.join(folder, "profile"));
  for (const [name, address] of [["overview", "/overview"], ["runs list", "/runs"], ["a run", `/runs/${run_id}`]] as const) {
    const reports: Report[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await browser.forget(); // as somebody who comes for the first time
      reports.push(await reportOf(cli, browser.home + address, browser.port, folder));
    }
    for (const [category, least] of Object.entries(targets)) {
      const scores = reports.map((report) => (report.categories[category as keyof typeof targets].score ?? 0) * 100);
      figures.push({ name: `${name}: ${category}, median of ${rounds}`, value: percentile(scores, 0.5), unit: "", target: category === "accessibility" ? String(least) : `≥ ${least}` });
    }
    const last = reports.at(-1)!;
    figures.push({ name: `${name}: scripts until the page is idle`, value: scriptBytes(last) / 1000, unit: "kB" });
    for (const { score, title, displayValue } of Object.values(last.audits)) if (score !== null && score < 0.9) console.log(`  ${name}: ${title}${displayValue === undefined ? "" : ` (${displayValue})`}`);
  }
} finally {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
  await product?.stop();
}
printFigures(figures, `Lighthouse ${version}, ${mobile ? "mobile" : "desktop"}, ${cpus().length} cores, ${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}`);
