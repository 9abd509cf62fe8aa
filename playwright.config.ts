import { defineConfig } from "@playwright/test";
import { chromiumPath } from "./e2e/support/chromium.ts";

/** The browser tests run against the real product: a stack of their own, or the running one in E2E_DATA_DIR. */
export default defineConfig({
  testDir: "e2e",
  testMatch: "*.spec.ts",
  outputDir: "test-results",
  globalSetup: "./e2e/support/start-stack.ts",
  // One stack and two cores: the look at every page, which is the browser's own work, goes on beside the journeys.
  workers: 2,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 120_000,
  globalTimeout: 15 * 60_000,
  expect: { timeout: 15_000 },
  reporter: "list",
  use: {
    browserName: "chromium",
    viewport: { width: 1360, height: 900 },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    // Spinners drawn without a GPU would take the time that two cores need for the run itself.
    contextOptions: { reducedMotion: "reduce" },
    actionTimeout: 30_000,
    navigationTimeout: 45_000,
    launchOptions: {
      executablePath: await chromiumPath(),
      // Chromium's sandbox refuses root, and containers give it little shared memory.
      args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--disable-dev-shm-usage", "--disable-gpu"],
    },
  },
});
