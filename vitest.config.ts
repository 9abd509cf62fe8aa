import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("./", import.meta.url));
const alias = {
  "@": root.replace(/\/$/, ""),
  // Next answers this import itself; elsewhere it would throw.
  "server-only": `${root}node_modules/server-only/empty.js`,
};
const never = ["**/node_modules/**", ".next/**", "dist/**", ".data/**", "e2e/**"];
// Live tests that execute the reference pipelines, whose tables are one, fill the machine, or count seconds.
const crowded = [
  "executors/testing/gate.live.test.ts", "executors/testing/worker.live.test.ts", "executors/testing/gate-concurrency.live.test.ts",
  "executors/testing/conformance/executor-suite.live.test.ts", "executors/testing/conformance/edge-function.live.test.ts",
];

export default defineConfig({
  resolve: { alias },
  test: {
    // Two cores are the floor that everything must pass on.
    maxWorkers: 2,
    projects: [
      {
        resolve: { alias },
        test: {
          name: "unit",
          environment: "node",
          include: ["**/*.test.{ts,tsx}"],
          exclude: [...never, "supabase/tests/**", "scripts/stack/**", "scripts/chaos/**", "pipelines/**", "bench/**", "**/*.live.test.ts", "**/*.database.test.ts"],
          testTimeout: 30_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: "database",
          environment: "node",
          include: ["supabase/tests/**/*.test.ts", "executors/**/*.database.test.ts"],
          exclude: never,
          globalSetup: ["supabase/tests/support/global-setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Against a product that runs already (CONTROL_ROOM_DATA_DIR names its data folder): scripts/test.mjs starts one.
        resolve: { alias },
        test: {
          name: "live",
          environment: "node",
          include: ["**/*.live.test.ts"],
          exclude: [...never, ...crowded],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // After the others, one file after another.
        resolve: { alias },
        test: {
          name: "crowded",
          environment: "node",
          include: crowded,
          exclude: never,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: "stack",
          environment: "node",
          include: ["scripts/stack/**/*.test.ts", "pipelines/**/*.test.ts"],
          exclude: [...never, "**/*.live.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // After the others: leases of one second want the machine for themselves.
        resolve: { alias },
        test: {
          name: "chaos",
          environment: "node",
          include: ["scripts/chaos/**/*.test.ts"],
          exclude: never,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
