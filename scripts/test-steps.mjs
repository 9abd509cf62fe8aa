// Steps of `npm run check` and `npm test`: each runs a tool of node_modules and shows its output; counts add up to one line.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT } from "./build.mjs";
import { StepError } from "./run-step.mjs";

const counts = { passed: 0, failed: 0, skipped: 0 };
const bin = (name) => path.join(ROOT, "node_modules", ".bin", process.platform === "win32" ? `${name}.cmd` : name);

/** Runs a program of node_modules/.bin with its output shown; rejects where it fails. */
export async function runShown(title, command, args, env = {}) {
  process.stdout.write(`\n▸ ${title}\n`);
  const began = performance.now();
  const status = await new Promise((resolve, reject) => {
    const child = spawn(bin(command), args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
  process.stdout.write(`  ${title}: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  if (status !== 0) throw new StepError("check_failed", `${title} failed (${command} ended with ${status}).`, "Read the output above.");
}

/** Runs vitest projects, or those of their files whose paths hold one of `files`, and counts their tests. */
export async function vitest(title, projects, env = {}, files = []) {
  const folder = mkdtempSync(path.join(tmpdir(), "vitest-report-"));
  const report = path.join(folder, "report.json");
  try {
    await runShown(title, "vitest", ["run", ...files, ...projects.flatMap((name) => ["--project", name]), "--reporter=default", "--reporter=json", `--outputFile.json=${report}`], env);
  } finally {
    if (existsSync(report)) {
      const found = JSON.parse(readFileSync(report, "utf8"));
      counts.passed += found.numPassedTests;
      counts.failed += found.numFailedTests;
      counts.skipped += found.numPendingTests + found.numTodoTests;
      // For `npm run gate -- coverage --results`.
      const kept = process.env.CONTROL_ROOM_TEST_RESULTS;
      if (kept) {
        mkdirSync(kept, { recursive: true });
        copyFileSync(report, path.join(kept, `${projects.join("-")}.json`));
      }
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs Playwright and counts its tests. */
export async function playwright(title, env = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), "playwright-report-"));
  const report = path.join(folder, "report.json");
  try {
    await runShown(title, "playwright", ["test", "--reporter=list,json"], { ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: report });
  } finally {
    if (existsSync(report)) {
      const { stats } = JSON.parse(readFileSync(report, "utf8"));
      counts.passed += stats.expected + stats.flaky;
      counts.failed += stats.unexpected;
      counts.skipped += stats.skipped;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

export function summary() {
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
}
