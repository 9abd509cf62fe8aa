// npm test: everything that needs Node alone. Check, database, the stack's parts, then the whole product as a person gets it:
// one `npm start` in a folder of its own, under contract, worker, command line and browser tests.
import { ensureBuilt, ROOT } from "./build.mjs";
import { check } from "./check.mjs";
import { ensureInstalled } from "./install-packages.mjs";
import { endWith } from "./run-step.mjs";
import { startProduct } from "./running-product.mjs";
import { playwright, runShown, summary, vitest } from "./test-steps.mjs";

try {
  await ensureInstalled(ROOT);
  await check();
  await ensureBuilt(["bundles", "web"]);
  await vitest("Database", ["database"]);
  await vitest("Parts of the stack, and defects that chaos must find", ["stack", "chaos"]);
  const product = await startProduct();
  try {
    await vitest("The running product: contract, workers, command line, gate", ["live", "crowded"], { CONTROL_ROOM_DATA_DIR: product.data_dir });
    await playwright("The running product in a browser", { E2E_DATA_DIR: product.data_dir });
  } finally {
    await product.stop();
  }
  await runShown("15 s of chaos", "tsx", ["scripts/chaos/main.ts", "--seconds", "15", "--seed", "1", "--quiet"]);
  summary();
} catch (error) {
  summary();
  endWith(error);
}
