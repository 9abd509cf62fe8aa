// Runs one of the bundles, built first where it is stale:
//   node scripts/run-built.mjs worker [arguments]
// In this very program, so that arguments, signals and the exit code are the bundle's own.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, ROOT } from "./build.mjs";
import { ensureInstalled } from "./install-packages.mjs";
import { endWith, StepError } from "./run-step.mjs";

const name = process.argv[2];
try {
  if (!["worker", "cli", "reset"].includes(name)) {
    throw new StepError("bundle_unknown", `There is no bundle named ${name}.`, "Use worker, cli or reset.");
  }
  await ensureInstalled(ROOT);
  await ensureBuilt(["bundles"]);
} catch (error) {
  endWith(error);
}
const file = path.join(ROOT, "dist", `${name}.mjs`);
process.argv.splice(1, 2, file);
await import(pathToFileURL(file).href);
