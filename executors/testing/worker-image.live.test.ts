import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request } from "../cli/connection.ts";
import { anyFreePort } from "../../scripts/stack/ports.ts";
import { buildWithoutDocker, readDockerfile } from "./image.ts";
import { anExecutor, aQueue, aTenant, ended, openLive, until, type Live } from "./live.ts";
import { startServer } from "../core/testing-server.ts";
import { tableSpec } from "./specs.ts";
import { startWorker } from "./worker-process.ts";

// The worker as its image has it: the Dockerfile's own steps, done in folders.
let live: Live;
let folder: string;
let place: string;
beforeAll(async () => {
  live = openLive();
  folder = mkdtempSync(join(tmpdir(), "image-"));
  place = await buildWithoutDocker(folder);
}, 300_000);
afterAll(async () => {
  await live?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the image's HEALTHCHECK answers: 0 well, 1 not. */
async function probe(port: number): Promise<number> {
  const [command, ...args] = JSON.parse(readDockerfile().find((step) => step.verb === "HEALTHCHECK")?.rest.replace(/^.*?CMD /, "") ?? "") as string[];
  return promisify(execFile)(command === "node" ? process.execPath : "", args, { env: { EXECUTOR_HEALTH_PORT: String(port) } }).then(() => 0, (error: { code: number }) => error.code);
}

test("it holds the worker and what that needs at run time, and nothing else", () => {
  expect(readdirSync(place).toSorted()).toEqual(["dist", "node_modules"]);
  const packages = readdirSync(join(place, "node_modules"));
  expect(packages).toContain("@duckdb");
  expect(packages.filter((name) => ["esbuild", "next", "react", "typescript", "vitest", "deno"].includes(name))).toEqual([]);
  expect(existsSync(join(place, "dist/duckdb-child.mjs"))).toBe(true);
});

test("it executes a run, is healthy meanwhile, and leaves on SIGTERM", async () => {
  const tenant = await aTenant(live);
  const queue = aQueue();
  const port = await anyFreePort();
  const worker = startWorker(live, { token: (await anExecutor(live, tenant)).token, queue, program: join(place, "dist/worker.mjs"), env: { EXECUTOR_HEALTH_PORT: String(port) } });
  try {
    const { run_id } = await request(tenant.api, "create_run", { body: { queue, spec: tableSpec("silver.image", "select 1 as id") } });
    const run = await ended(tenant.api, run_id);
    expect(run.status, worker.log()).toBe("succeeded");
    expect(await probe(port)).toBe(0);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
    worker.child.kill("SIGTERM");
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await probe(port)).toBe(1);
  } finally {
    await worker.kill();
  }
});

test("a worker whose claims fail is not healthy, and is again when they are answered", async () => {
  let well = true;
  const controlRoom = await startServer((_request, response) => void response.writeHead(well ? 204 : 500).end());
  const port = await anyFreePort();
  const worker = startWorker(live, { token: `lcx_${"a".repeat(43)}`, queue: "any", program: join(place, "dist/worker.mjs"), env: { EXECUTOR_HEALTH_PORT: String(port), EXECUTOR_HEALTH_SECONDS: "2", CONTROL_ROOM_URL: controlRoom.url } });
  try {
    await until("a healthy worker", 10, async () => (await probe(port)) === 0);
    well = false;
    await until("an unhealthy worker", 20, async () => (await probe(port)) === 1);
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).json()).toMatchObject({ status: "failing" });
    well = true;
    await until("a healthy worker again", 30, async () => (await probe(port)) === 0);
  } finally {
    await worker.kill();
    await controlRoom.close();
  }
});
