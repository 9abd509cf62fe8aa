import { defineConfig } from "@playwright/test";
import base from "../playwright.config.ts";

/** `npm run screenshots`: no test, but the pictures of docs/images, taken of a product of its own or of the running one in E2E_DATA_DIR. */
export default defineConfig({ ...base, testDir: ".", testMatch: "screenshots.ts", globalSetup: "./support/start-stack.ts", outputDir: "../test-results", use: { ...base.use, viewport: { width: 1440, height: 900 } } });
