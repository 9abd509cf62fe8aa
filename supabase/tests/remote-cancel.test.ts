import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, test, vi } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import { runLoop } from "../../executors/core/loop.ts";
import { rpcTransport } from "../../executors/core/rpc-transport.ts";
import { readSettings } from "../../executors/core/settings.ts";
import { registry } from "../../executors/phases/registry.ts";
import { openScratch } from "../../executors/storage/scratch.ts";
import { openRestDoor, type RestDoor } from "./support/rest-door.ts";
import { aClaim, aRun, aTenant, anExecutor, call, expireLease, openWorld, statusOf, tick, type Tenant, type World } from "./world.ts";

let world: World;
let door: RestDoor;
let folder: string;
/** Sees what every login asks. */
let watcher: pg.Client;
beforeAll(async () => {
  world = await openWorld();
  watcher = new pg.Client({ connectionString: world.database.urlOf("supabase_admin") });
  await watcher.connect();
  door = await openRestDoor(world);
  folder = mkdtempSync(path.join(tmpdir(), "remote-"));
});
afterAll(async () => {
  await door?.close();
  await watcher?.end();
  await world?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Queries of executors that the warehouse is computing right now. */
async function remoteQueries(): Promise<number> {
  return (await watcher.query("select from pg_stat_activity where application_name = 'lakehouse-control-room' and state = 'active' and query like 'fetch%' and datname = current_database()")).rowCount ?? 0;
}

const stops: Record<string, { act: (tenant: Tenant, run_id: string, drain: () => void) => Promise<unknown>; status: string }> = {
  "a person cancels the run": { act: (tenant, run_id) => call(world, tenant.api, "cancel_run", { run_id }), status: "canceled" },
  "the executor is told to stop": { act: async (_tenant, _run_id, drain) => drain(), status: "queued" },
  "another executor holds the run": {
    status: "claimed",
    act: async (tenant, run_id) => {
      await expireLease(world, run_id);
      await tick(world);
      await aClaim(world, await anExecutor(world, tenant), { run_id, lease_seconds: 60, labels: [] });
    },
  },
};

test.each(Object.entries(stops))("the remote query ends when %s", async (_why, { act, status }) => {
  const tenant = await aTenant(world);
  const { token } = await anExecutor(world, tenant);
  const spec_text = canonicalJson({ version: 1, name: "slow", phases: [{ name: "ask", type: "query", config: { engine: "postgres", connection: "warehouse", sql: "select pg_sleep(600)" } }] });
  const run_id = await aRun(world, tenant, { spec_text });
  const settings = readSettings({ CONTROL_ROOM_URL: door.url, CONTROL_ROOM_TOKEN: token, CONTROL_ROOM_LAKE: `file:${folder}`, LEASE_SECONDS: "3", EXECUTOR_DRAIN_SECONDS: "0", CONTROL_ROOM_CONNECTION_WAREHOUSE: world.database.urlOf("ops_listener") });
  const scratch = await openScratch(folder);
  const stop = new AbortController();
  const drain = (): void => stop.abort(new Error("received SIGTERM"));
  const ended = runLoop({ controlPlane: rpcTransport({ ...settings, supabase_url: door.url, publishable_key: "unused" }), registry, settings, scratch, log: () => undefined, signal: stop.signal });
  await vi.waitUntil(async () => (await remoteQueries()) === 1, { timeout: 20_000, interval: 50 });
  await act(tenant, run_id, drain);
  await vi.waitUntil(async () => (await remoteQueries()) === 0, { timeout: 15_000, interval: 50 });
  await vi.waitUntil(async () => (await statusOf(world, run_id)) === status, { timeout: 15_000, interval: 50 });
  drain();
  await ended;
  await scratch.end();
});
