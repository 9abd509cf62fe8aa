import { afterAll, beforeAll, expect, test } from "vitest";
import { rpc } from "../../contracts/rpc.ts";
import { aClaim, anExecutor, aRun, aTenant, call, expireLease, openWorld, refusal, specText, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(2);
});
afterAll(() => world?.drop());

const count = async ({ environment_id, api }: Tenant, filter: object = {}) => rpc.count_runs.returns.parse(await call(world, api, "count_runs", { environment_id, filter: filter as never }));

test("runs are counted by status for the same words as the list has, whatever status is chosen", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aRun(world, tenant);
  const failed = await aRun(world, tenant, { spec_text: specText(["work"], "ageing") });
  const { lease } = await aClaim(world, executor, { run_id: failed });
  await call(world, executor, "fail_run", { ...lease, error_code: "sql_error", error_message: "no such column", permanent: true });
  expect(await count(tenant)).toEqual({ complete: true, runs: { queued: 1, claimed: 0, running: 0, succeeded: 0, failed: 1, canceled: 0 } });
  expect((await count(tenant, { search: "ageing", status: ["queued"] })).runs).toMatchObject({ queued: 0, failed: 1 });
  expect((await count(tenant, { error_code: "no_engine" })).runs).toMatchObject({ queued: 0, failed: 0 });
  expect((await count(await aTenant(world, tenant))).runs).toMatchObject({ queued: 0, failed: 0 });
  expect((await refusal(count({ ...tenant, api: (await aTenant(world)).api }))).code).toBe("not_found");
});

test("of very many runs the newest 5,000 are counted and that is said, unless the range holds no more", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant);
  await world.owner.query("insert into ops.runs select copy.* from ops.runs as r, generate_series(1, 5100) as n, lateral jsonb_populate_record(r, jsonb_build_object('run_id', ops_private.uuid_v7(), 'status', 'canceled', 'finished_at', now(), 'idempotency_key', null, 'priority', 100 + 0 * n)) as copy where r.run_id = $1", [run_id]);
  // The oldest run is beyond those that are looked at.
  expect(await count(tenant)).toMatchObject({ complete: false, runs: { queued: 0, canceled: 5001 } });
  expect(await count(tenant, { created_after: new Date(Date.now() + 60_000).toISOString() })).toMatchObject({ complete: true, runs: { canceled: 0 } });
});

test("whether a lease has run out is said by the database's clock, in the run itself", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const run_id = await aRun(world, tenant);
  const read = async () => (await world.owner.query("select lease_expired, (ops_private.run_json(r) ->> 'lease_expired')::boolean as told from ops.run_list as l join ops.runs as r using (run_id) where run_id = $1", [run_id])).rows[0];
  expect(await read()).toEqual({ lease_expired: null, told: null });
  await aClaim(world, executor, { run_id });
  expect(await read()).toEqual({ lease_expired: false, told: false });
  await expireLease(world, run_id);
  expect(await read()).toEqual({ lease_expired: true, told: true });
});
