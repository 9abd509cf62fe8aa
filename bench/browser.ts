/**
 * npm run bench:browser [-- --scale full]: what somebody in front of a browser waits for, on long lists, logs, graphs and a busy list, on a product of
 * its own or on the running one whose data folder E2E_DATA_DIR names. Figures with their targets; nothing fails for being slow.
 */
import { cpus } from "node:os";
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from "@playwright/test";
import pg from "pg";
import { chromiumPath } from "../e2e/support/chromium.ts";
import { api, readStack, type Stack } from "../e2e/support/stack.ts";
import { startProduct } from "../scripts/running-product.mjs";
import { type Figure, percentile, printFigures } from "./figures.ts";
import { addLongHistory, environmentOf } from "./history.ts";
import { aWaitingRun, printLines, reportEvents, times } from "./reading.ts";

const scale = process.argv.includes("full") ? "full" : "small";
const sizes = { runs: scale === "full" ? 1_000_000 : 50_000, events: scale === "full" ? 1_000_000 : 100_000, lines: 200_000, phases: 500, busySeconds: scale === "full" ? 300 : 60 };
const shown = (count: number) => count.toLocaleString("en");

/** The list and each of its filters at the server, one caller. */
async function filters(stack: Stack, environment_id: string): Promise<Figure[]> {
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  const asked: Record<string, Record<string, string>> = {
    "no filter": {}, "status failed": { status: "failed" }, "trigger": { trigger: "backfill" }, "kind": { kind: "pipeline" }, "error code": { error_code: "sql_error" }, "pipeline": { template_key: "silver_to_gold" },
    "last day": { created_after: ago(24) }, "last 30 days, failed": { created_after: ago(720), status: "failed" }, "search, many match": { search: "does not exist" }, "search, none matches": { search: "no such words" },
    "checks failed": { checks: "failed" }, "took at least 10 minutes": { min_duration_seconds: "600" },
  };
  const figures: Figure[] = [];
  for (const [name, query] of Object.entries(asked)) {
    const path = `/runs?${new URLSearchParams({ environment_id, limit: "50", ...query })}`;
    figures.push({ name: `${shown(sizes.runs)} runs, ${name}: server, p95`, value: percentile(await times(20, () => api(stack, "GET", path)), 0.95), unit: "ms", target: "< 300" });
  }
  return figures;
}

/** Milliseconds from the start of the navigation until `selector` is there and React answers it. */
async function untilUsable(page: Page, address: string, selector: string): Promise<number> {
  await page.goto(address, { waitUntil: "commit" });
  const found = await page.waitForFunction((wanted) => {
    const element = document.querySelector(wanted);
    return element !== null && Object.keys(element).some((key) => key.startsWith("__reactProps")) ? performance.now() : false;
  }, selector, { polling: 10, timeout: 60_000 });
  return Number(await found.jsonValue());
}

/** Seconds of processor time that the page's main thread has taken. */
async function mainThread(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
}

async function opened(page: Page, session: CDPSession, name: string, address: string, selector: string, rounds = 5): Promise<Figure[]> {
  const [waits, work]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    await page.goto("about:blank");
    const before = await mainThread(session);
    const wait = await untilUsable(page, address, selector);
    if (round === 0) continue; // the first fills caches
    waits.push(wait);
    work.push(((await mainThread(session)) - before) * 1000);
  }
  return [
    { name: `${name}: usable after, p50`, value: percentile(waits, 0.5), unit: "ms", target: "< 1000" },
    { name: `${name}: processor time of the page until then, p50`, value: percentile(work, 0.5), unit: "ms", target: "< 1000" },
  ];
}

async function manyPhases(stack: Stack): Promise<string> {
  const phases = Array.from({ length: sizes.phases }, (_, at) => ({ name: `phase_${at}`, type: "query", config: { inputs: [], sql: "select 1 as one" }, depends_on: at < 20 ? [] : [`phase_${at - 20}`, `phase_${at - 13 - (at % 5)}`] }));
  const { run_id } = await api<{ run_id: string }>(stack, "POST", "/runs", { spec: { version: 1, name: "many_phases", phases }, queue: "bench_reading" });
  return run_id;
}

async function longLog(page: Page, session: CDPSession, runId: string): Promise<Figure[]> {
  const line = Math.floor(sizes.lines * 0.75);
  const figures = await opened(page, session, `${shown(sizes.lines)} log lines, a link to one of them`, `/runs/${runId}?tab=logs#L${line}`, `[data-line="${line}"]`, 3);
  const search = await times(5, async () => {
    const field = page.getByRole("searchbox", { name: "Search all lines of the log" });
    await field.fill("");
    await field.fill("ZÜRICH");
    await page.getByText(`${shown(sizes.lines)} of ${shown(sizes.lines)} lines found`).waitFor();
  });
  figures.push({ name: `${shown(sizes.lines)} log lines, searched: the true count is shown after, p50`, value: percentile(search, 0.5), unit: "ms", target: "< 1000" });
  return figures;
}

/** How much the page's heap grows, after a collection, while runs come and go before its eyes. */
async function busyList(page: Page, session: CDPSession, stack: Stack): Promise<Figure> {
  await untilUsable(page, "/runs", "[data-run]");
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  const minute = async (seconds: number) => {
    for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
      const run_id = await aWaitingRun(stack);
      await api(stack, "POST", `/runs/${run_id}/cancel`, {});
    }
  };
  await minute(10);
  const before = await heap();
  await minute(sizes.busySeconds);
  return { name: `growth of the heap, ${sizes.busySeconds} s of a busy list`, value: ((await heap()) - before) / 1e6, unit: "MB", target: "< 10" };
}

async function signedIn(browser: Browser, { app_url, admin }: Stack): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: app_url, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(admin.email);
  await page.getByRole("textbox", { name: "Password" }).fill(admin.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/overview");
  await page.close();
  return context;
}

const running = process.env["E2E_DATA_DIR"];
const product = running === undefined ? await startProduct() : null;
const figures: Figure[] = [];
let browser: Browser | undefined;
try {
  const stack = readStack(running ?? product?.data_dir ?? "");
  const owner = new pg.Client({ connectionString: stack.database_url });
  await owner.connect();
  try {
    await owner.query("set statement_timeout = 0");
    const [phases, log, events] = [await manyPhases(stack), await aWaitingRun(stack), await aWaitingRun(stack)];
    await printLines(owner, log, sizes.lines);
    await reportEvents(owner, events, sizes.events);
    browser = await chromium.launch({ executablePath: await chromiumPath(), args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--disable-dev-shm-usage", "--disable-gpu"] });
    const page = await (await signedIn(browser, stack)).newPage();
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    figures.push(...(await opened(page, session, `graph of ${sizes.phases} phases`, `/runs/${phases}?tab=graph`, "[data-phase]")));
    figures.push(...(await opened(page, session, `timeline of ${sizes.phases} phases`, `/runs/${phases}`, "tbody button")));
    figures.push(...(await opened(page, session, `${shown(sizes.events)} events of a run`, `/runs/${events}?tab=events`, "[data-seq] button")));
    figures.push(...(await longLog(page, session, log)));
    const like = await aWaitingRun(stack);
    await addLongHistory(owner, like, sizes.runs);
    const environment = await environmentOf(owner, like);
    figures.push(...(await filters(stack, environment)));
    figures.push(...(await opened(page, session, `list of ${shown(sizes.runs)} runs`, "/runs", "[data-run]")));
    figures.push(...(await opened(page, session, `list of ${shown(sizes.runs)} runs, failed ones`, "/runs?status=failed", "[data-run]")));
    figures.push(await busyList(page, session, stack));
  } finally {
    await owner.end();
  }
} finally {
  await browser?.close();
  await product?.stop();
}
printFigures(figures, `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}, scale ${scale}`);
