import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import { runLoop } from "../../executors/core/loop.ts";
import { rpcTransport } from "../../executors/core/rpc-transport.ts";
import { readSettings } from "../../executors/core/settings.ts";
import { registry } from "../../executors/phases/registry.ts";
import { openScratch } from "../../executors/storage/scratch.ts";
import { withClient } from "../../scripts/stack/bootstrap.ts";
import { startEdgeFunction, type EdgeFunction } from "./support/edge-function.ts";
import { openRestDoor, type RestDoor } from "./support/rest-door.ts";
import { ROOT } from "./support/test-server.ts";
import { aRun, aTenant, anExecutor, brokenInvariants, call, expireLease, openWorld, statusOf, tick, type Tenant, type World } from "./world.ts";

const secret = randomBytes(32).toString("base64url");
let world: World;
let door: RestDoor;
let folder: string;
const started: EdgeFunction[] = [];
beforeAll(async () => {
  world = await openWorld();
  door = await openRestDoor(world);
  folder = mkdtempSync(path.join(tmpdir(), "edge-"));
});
afterAll(async () => {
  for (const edge of started) await edge.kill();
  await door?.close();
  await world?.drop();
  rmSync(folder, { recursive: true, force: true });
});

const warehouse = (): string => world.database.urlOf("ops_listener");
async function anEdgeFunction(tenant: Tenant, more: Record<string, string> = {}): Promise<EdgeFunction> {
  const { token } = await anExecutor(world, tenant);
  const edge = await startEdgeFunction({
    CONTROL_ROOM_URL: door.url, CONTROL_ROOM_TOKEN: token, SUPABASE_URL: door.url, SUPABASE_ANON_KEY: "unused", EXECUTOR_SECRET: secret, EXECUTOR_SECONDS: "20", CONTROL_ROOM_CONNECTION_WAREHOUSE: warehouse(), ...more,
  });
  started.push(edge);
  return edge;
}
/** A worker as `npm run executor` starts it, until the run has ended. */
async function finishOnNode(tenant: Tenant, run_id: string): Promise<string> {
  const { token } = await anExecutor(world, tenant);
  const settings = readSettings({ CONTROL_ROOM_URL: door.url, CONTROL_ROOM_TOKEN: token, CONTROL_ROOM_LAKE: pathToFileURL(folder).href.replace("///", "/"), EXECUTOR_DRAIN_SECONDS: "30", CONTROL_ROOM_CONNECTION_WAREHOUSE: warehouse() });
  const scratch = await openScratch(folder);
  const stop = new AbortController();
  const ended = runLoop({ controlPlane: rpcTransport({ ...settings, supabase_url: door.url, publishable_key: "unused" }), registry, settings, scratch, log: () => undefined, signal: stop.signal });
  await vi.waitUntil(async () => ["succeeded", "failed", "canceled"].includes(await statusOf(world, run_id)), { timeout: 30_000, interval: 50 });
  stop.abort(new Error("the test is over"));
  await ended;
  await scratch.end();
  return statusOf(world, run_id);
}

interface Question { name: string; engine?: string; sql?: string; depends_on?: string[] }
const specOf = (questions: Question[]): string => canonicalJson({
  version: 1, name: "questions",
  phases: questions.map(({ name, engine = "postgres", sql = "select 1 as one", depends_on = [] }) => ({ name, type: "query", depends_on, config: { engine, sql, ...(engine === "postgres" ? { connection: "warehouse" } : {}) } })),
});
async function hashesOf(run_id: string): Promise<Record<string, string>> {
  const { rows } = await world.owner.query<{ name: string; output_sha256: string }>("select name, output_sha256 from ops.run_phases where run_id = $1", [run_id]);
  return Object.fromEntries(rows.map((row) => [row.name, row.output_sha256]));
}
async function runOf(run_id: string): Promise<{ status: string; attempt: number; labels: string[] }> {
  return (await world.owner.query("select status, attempt, labels from ops.runs where run_id = $1", [run_id])).rows[0];
}

test("a turn claims runs, executes their phases and reports back; the hashes are those of the Node worker", async () => {
  const tenant = await aTenant(world);
  const spec_text = specOf([{ name: "first", sql: "select i, i * 1.10::numeric(10,2) as price, now()::date - now()::date as zero, 'é' || i as word from generate_series(1, 5000) as i order by i" }, { name: "second", depends_on: ["first"] }]);
  const runs = [await aRun(world, tenant, { spec_text }), await aRun(world, tenant, { spec_text })];
  const edge = await anEdgeFunction(tenant);
  expect(await edge.post(secret), edge.log()).toEqual({ status: 200, body: { succeeded: 2, failed: 0, canceled: 0, released: 0, lease_lost: 0, unreported: 0 } });
  for (const run_id of runs) {
    const { rows } = await world.owner.query("select type from ops.run_events where run_id = $1 order by seq", [run_id]);
    expect(rows.map((row) => row.type).filter((type) => type !== "ARTIFACT_REGISTERED")).toEqual(["RUN_CREATED", "RUN_CLAIMED", "RUN_STARTED", "PHASE_STARTED", "PHASE_PROGRESS", "PHASE_SUCCEEDED", "PHASE_STARTED", "PHASE_PROGRESS", "PHASE_SUCCEEDED", "RUN_SUCCEEDED"]);
    expect((await world.owner.query("select from ops.run_artifacts where run_id = $1", [run_id])).rowCount).toBe(8);
  }
  const again = (await call(world, tenant.api, "retry_run", { run_id: runs[0]!, mode: "all" })).run_id;
  expect(await finishOnNode(tenant, again)).toBe("succeeded");
  expect(await hashesOf(again)).toEqual(await hashesOf(runs[0]!));
  expect(await edge.post(secret)).toMatchObject({ status: 200, body: { succeeded: 0 } });
});

test("a run with a phase that needs DuckDB goes on at the Node worker, without a phase executed twice or an attempt spent", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant, { max_attempts: 1, spec_text: specOf([{ name: "here" }, { name: "there", engine: "duckdb", depends_on: ["here"] }, { name: "after", depends_on: ["there"] }]) });
  const edge = await anEdgeFunction(tenant);
  expect((await edge.post(secret)).body).toMatchObject({ released: 1 });
  expect(await runOf(run_id)).toEqual({ status: "queued", attempt: 0, labels: ["engine:duckdb"] });
  expect((await edge.post(secret)).body).toMatchObject({ released: 0 }); // it does not come back here
  expect(await finishOnNode(tenant, run_id)).toBe("succeeded");
  const { rows } = await world.owner.query("select name, attempt from ops.run_phases where run_id = $1 order by position", [run_id]);
  expect(rows).toEqual([{ name: "here", attempt: 1 }, { name: "there", attempt: 1 }, { name: "after", attempt: 1 }]);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("before its time ends it cancels what runs remotely and gives the run back; without progress to one without a limit", async () => {
  const tenant = await aTenant(world);
  const spec = [{ name: "quick" }, { name: "slow", sql: "select pg_sleep(600)", depends_on: ["quick"] }];
  const run_id = await aRun(world, tenant, { max_attempts: 1, spec_text: specOf(spec) });
  const edge = await anEdgeFunction(tenant, { EXECUTOR_SECONDS: "5" });
  expect((await edge.post(secret)).body, edge.log()).toMatchObject({ released: 1 });
  expect(await runOf(run_id)).toEqual({ status: "queued", attempt: 0, labels: [] }); // `quick` was progress
  expect((await edge.post(secret)).body).toMatchObject({ released: 1 });
  expect(await runOf(run_id)).toEqual({ status: "queued", attempt: 0, labels: ["runtime:long"] });
  expect((await edge.post(secret)).body).toMatchObject({ released: 0 });
  // Asked as one who sees what every login asks.
  const running = await withClient(world.database.urlOf("supabase_admin"), (client) => client.query("select from pg_stat_activity where query like 'fetch%' and application_name = 'lakehouse-control-room' and state = 'active'"));
  expect(running.rowCount).toBe(0);
});

test("a result that is larger than its memory goes to an executor with a disk", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant, { spec_text: specOf([{ name: "large", sql: "select string_agg(md5((i * 1000 + j)::text), '') as noise from generate_series(1, 5000) as i, generate_series(1, 30) as j group by i" }]) });
  const edge = await anEdgeFunction(tenant, { EXECUTOR_MEMORY_MB: "16" });
  expect((await edge.post(secret)).body, edge.log()).toMatchObject({ released: 1 });
  expect(await runOf(run_id)).toMatchObject({ status: "queued", labels: ["memory:large"] });
  expect(await finishOnNode(tenant, run_id)).toBe("succeeded");
});

test("killed in the middle of a turn, it loses no run: the lease ends and another goes on", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant, { spec_text: specOf([{ name: "quick" }, { name: "slow", sql: "select 1 as one from pg_sleep(2)", depends_on: ["quick"] }]) });
  const edge = await anEdgeFunction(tenant);
  const turn = edge.post(secret).catch(() => null);
  await vi.waitUntil(async () => (await world.owner.query("select from ops.run_phases where run_id = $1 and name = 'slow' and status = 'running'", [run_id])).rowCount === 1, { timeout: 20_000 });
  await edge.kill();
  expect(await turn).toBeNull();
  await expireLease(world, run_id);
  await tick(world);
  expect(await finishOnNode(tenant, run_id)).toBe("succeeded");
  const { rows } = await world.owner.query("select name, attempt from ops.run_phases where run_id = $1 order by position", [run_id]);
  expect(rows).toEqual([{ name: "quick", attempt: 1 }, { name: "slow", attempt: 2 }]);
});

test("only who knows the secret gets a turn, and a missing setting is named in the log, not in the answer", async () => {
  const tenant = await aTenant(world);
  await aRun(world, tenant, { spec_text: specOf([{ name: "only" }]) });
  const edge = await anEdgeFunction(tenant);
  for (const wrong of ["", "x", `${secret}x`, secret.slice(1)]) expect(await edge.post(wrong)).toEqual({ status: 401, body: { code: "unauthenticated" } });
  expect((await edge.post(secret, "GET")).status).toBe(405);
  const unset = await startEdgeFunction({ EXECUTOR_SECRET: secret });
  started.push(unset);
  expect(await unset.post(secret)).toEqual({ status: 503, body: { code: "not_configured" } });
  expect(unset.log()).toMatch(/CONTROL_ROOM_TOKEN is missing/);
  const stranger = await anEdgeFunction(tenant, { CONTROL_ROOM_TOKEN: `lcx_${"a".repeat(43)}` });
  expect(await stranger.post(secret)).toEqual({ status: 401, body: { code: "token_invalid" } });
});

test("deno.json names every package that the function needs, in the version that the workers have", async () => {
  const { build } = await import("esbuild");
  const { metafile } = await build({ entryPoints: [path.join(ROOT, "supabase/functions/executor/index.ts")], bundle: true, write: false, metafile: true, packages: "external", format: "esm", platform: "neutral", logLevel: "silent" });
  const needed = [...new Set(Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter((each) => each.external).map((each) => each.path)))].toSorted();
  const { imports } = JSON.parse(readFileSync(path.join(ROOT, "supabase/functions/executor/deno.json"), "utf8")) as { imports: Record<string, string> };
  const { dependencies } = JSON.parse(readFileSync(path.join(ROOT, "executors/package.json"), "utf8")) as { dependencies: Record<string, string> };
  // node:crypto is the one built-in module: incremental SHA-256, which Deno and the edge runtime have.
  expect(needed.filter((name) => name.startsWith("node:"))).toEqual(["node:crypto"]);
  expect(Object.keys(imports).toSorted()).toEqual(needed.filter((name) => !name.startsWith("node:")));
  for (const [name, target] of Object.entries(imports)) {
    const [, own, rest] = /^([^/]+)(\/.*)?$/.exec(name) as unknown as [string, string, string | undefined];
    expect(target).toBe(`npm:${own}@${dependencies[own]}${rest ?? ""}`);
  }
});
