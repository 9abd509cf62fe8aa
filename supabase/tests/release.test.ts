import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { aClaim, anExecutor, aRun, aTenant, brokenInvariants, call, claimSome, eventTypes, finish, openWorld, refusal, statusOf, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
beforeAll(async () => {
  world = await openWorld(12);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

async function rowOf(run_id: string): Promise<{ status: string; attempt: number; labels: string[]; error_code: string | null; waits: boolean }> {
  return (await world.owner.query("select status, attempt, labels, error_code, not_before is not null as waits from ops.runs where run_id = $1", [run_id])).rows[0];
}
async function release(run_id: string, labels?: string[]): Promise<void> {
  const claim = await aClaim(world, executor, { run_id });
  await call(world, executor, "release_run", { ...claim.lease, reason: "not for me", ...(labels === undefined ? {} : { labels }) });
}

test("a run released with labels goes only to who offers them, and keeps what it needed before", async () => {
  const run_id = await aRun(world, tenant, { labels: ["gpu"] });
  const claim = await aClaim(world, executor, { run_id, labels: ["gpu"] });
  expect(await call(world, executor, "release_run", { ...claim.lease, reason: "no DuckDB here", labels: ["engine:duckdb", "engine:duckdb"] })).toMatchObject({ status: "queued", attempt: 0 });
  expect(await rowOf(run_id)).toMatchObject({ labels: ["engine:duckdb", "gpu"], attempt: 0, waits: false });
  for (const labels of [[], ["gpu"], ["engine:duckdb"]]) expect(await claimSome(world, executor, { run_id, labels })).toEqual([]);
  const { rows } = await world.owner.query("select data from ops.run_events where run_id = $1 and type = 'RUN_RELEASED'", [run_id]);
  expect(rows).toEqual([{ data: { needs: ["engine:duckdb"] } }]);
  const [taken] = await claimSome(world, executor, { run_id, labels: ["engine:duckdb", "gpu", "more"] });
  await finish(world, executor, { ...taken!, lease: { run_id, lease_token: taken!.lease_token } });
  expect(await statusOf(world, run_id)).toBe("succeeded");
});

test("labels of a release are words; what is wrong changes nothing and the lease stays", async () => {
  const run_id = await aRun(world, tenant);
  const claim = await aClaim(world, executor, { run_id });
  for (const labels of [["Engine"], [""], [null], Array.from({ length: 41 }, (_, index) => `l${index}`)]) {
    expect((await refusal(call(world, executor, "release_run", { ...claim.lease, labels: labels as string[] }))).code).toBe("invalid_input");
  }
  expect(await statusOf(world, run_id)).toBe("claimed");
  await finish(world, executor, claim);
});

test("a run that is given back again and again without progress ends failed, not never", async () => {
  const run_id = await aRun(world, tenant, { max_attempts: 2 });
  for (let turn = 1; turn <= 10; turn += 1) await release(run_id);
  expect(await rowOf(run_id)).toMatchObject({ status: "queued", attempt: 0, waits: false });
  await release(run_id);
  expect(await rowOf(run_id)).toMatchObject({ status: "queued", attempt: 1, waits: true });
  await world.owner.query("update ops.runs set not_before = clock_timestamp() - interval '1 second' where run_id = $1", [run_id]);
  await release(run_id);
  expect(await rowOf(run_id)).toMatchObject({ status: "failed", error_code: "release_limit" });
  expect((await eventTypes(world, run_id)).at(-1)).toBe("RUN_FAILED");
});

test("a release with progress is always free: a phase that succeeded, a checkpoint, or a new label", async () => {
  const run_id = await aRun(world, tenant, { max_attempts: 1 });
  const offered: string[] = [];
  for (let turn = 1; turn <= 45; turn += 1) {
    const [taken] = await claimSome(world, executor, { run_id, labels: offered });
    const lease = { run_id, lease_token: taken!.lease_token };
    await call(world, executor, "start_run", lease);
    if (turn === 13) {
      await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "running" } });
      await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "succeeded" } });
    } else if (turn % 3 === 0) {
      await call(world, executor, "set_phase", { ...lease, name: taken!.phases[turn < 13 ? 0 : 1]!.name, patch: { status: "running", checkpoint: { turn } } });
    } else if (turn % 3 === 1) offered.push(`need:${turn}`);
    await call(world, executor, "release_run", { ...lease, labels: offered });
  }
  expect(await rowOf(run_id)).toMatchObject({ status: "queued", attempt: 0, waits: false });
});

test("a release with labels and a cancel at once leave one outcome, whoever is first", async () => {
  for (let turn = 0; turn < 10; turn += 1) {
    const run_id = await aRun(world, tenant, { concurrency_key: "one", concurrency_limit: 1 });
    const claim = await aClaim(world, executor, { run_id });
    await Promise.allSettled([
      call(world, executor, "release_run", { ...claim.lease, labels: [`race:${turn % 2}`] }),
      call(world, tenant.api, "cancel_run", { run_id }),
      aRun(world, tenant, { labels: [`race:${turn % 2}`] }),
    ]);
    expect(await statusOf(world, run_id)).toBe("canceled");
  }
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a reported release that needs a new lane, and a create that just opened it and waits for the release's gate, both go through", async () => {
  const gated = { concurrency_key: "circle", concurrency_limit: 1 };
  const claim = await aClaim(world, executor, { run_id: await aRun(world, tenant, gated) });
  // Holds the create back between its lane and its gates, as a slow one may be.
  const slow = await world.owner.connect();
  const waiting = async (count: number) => vi.waitFor(async () => {
    const { rows } = await world.owner.query("select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
    expect(rows[0].count).toBe(count);
  }, { timeout: 5000, interval: 10 });
  try {
    await slow.query("begin");
    await slow.query("select ops_private.take_lock('debounce ' || $1 || ' slow')", [tenant.environment_id]);
    const created = aRun(world, tenant, { ...gated, debounce_key: "slow", labels: ["needs:new"] });
    await waiting(1);
    const reported = call(world, executor, "report_runs", { reports: [{ ...claim.lease, writes: [{ type: "release", reason: "not here", labels: ["needs:new"] }] }] });
    const both = Promise.all([created, reported]);
    await waiting(2);
    await slow.query("rollback");
    const [, { items }] = await both;
    expect(items).toMatchObject([{ ok: true, status: "queued" }]);
  } finally {
    slow.release();
  }
  expect(await brokenInvariants(world)).toEqual([]);
});
