// npm run check: what needs Node alone and no server. Types, lint, drift of generated files, unit tests.
import { ensureInstalled } from "./install-packages.mjs";
import { ROOT } from "./build.mjs";
import { runShown, summary, vitest } from "./test-steps.mjs";
import { endWith } from "./run-step.mjs";

export async function check() {
  await runShown("Types of contracts and executors", "tsc", ["--build", "contracts", "executors"]);
  await runShown("Types of the web app", "tsc", ["-p", "tsconfig.json"]);
  await runShown("Types of scripts and tests", "tsc", ["-p", "tsconfig.tools.json"]);
  await runShown("Lint", "oxlint", ["--type-aware", "--quiet"]);
  await runShown("Generated files are up to date", "tsx", ["scripts/generate-contracts.ts", "--check"]);
  await vitest("Unit tests", ["unit"]);
}

if (process.argv[1]?.endsWith("check.mjs")) {
  try {
    await ensureInstalled(ROOT);
    await check();
    summary();
  } catch (error) {
    endWith(error);
  }
}
