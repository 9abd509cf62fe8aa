import type { TestProject } from "vitest/node";
import { startTestServer } from "./test-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Port of the PostgreSQL server of this test run. */
    database_port: number;
  }
}

/** One server for the whole run; each test takes a database of its own from it (`createDatabase`). */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer();
  project.provide("database_port", server.port);
  return server.stop;
}
