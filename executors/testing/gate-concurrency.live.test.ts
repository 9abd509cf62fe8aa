import { afterAll, beforeAll, expect, test } from "vitest";
import type { Claim } from "../../contracts/claim.ts";
import { request } from "../cli/connection.ts";
import { LeaseLost } from "../core/errors.ts";
import { anExecutor, aQueue, aTenant, openLive, type Live, type Tenant, type TestExecutor } from "./live.ts";
import { idleSpec } from "./specs.ts";

const runCount = 1000;
const executorCount = 20;
const batch = 10;

let live: Live;
let tenant: Tenant;
let executors: TestExecutor[];
const queue = aQueue();
/** Every report that the control room accepted: run → executors. */
const completed = new Map<string, string[]>();
let refusedReports = 0;

beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
  executors = await Promise.all(Array.from({ length: executorCount }, () => anExecutor(live, tenant)));
  let left = runCount;
  await Promise.all(Array.from({ length: executorCount }, async () => {
    while (left > 0) {
      left -= 1;
      await request(tenant.api, "create_run", { body: { spec: idleSpec(), queue, max_attempts: 5 } });
    }
  }));
}, 180_000);
afterAll(() => live.close());

async function claimSome(executor: TestExecutor, max_runs: number, lease_seconds: number): Promise<Claim[]> {
  for (;;) {
    const { items, again } = await executor.plane.claim({ queues: [queue], max_runs, lease_seconds });
    if (!again) return items;
  }
}

async function execute(executor: TestExecutor, claim: Claim): Promise<void> {
  const lease = { run_id: claim.run.run_id, lease_token: claim.lease_token };
  try {
    await executor.plane.start(lease);
    await executor.plane.setPhase(lease, "only", { status: "running" });
    await executor.plane.setPhase(lease, "only", { status: "succeeded" });
    await executor.plane.complete(lease, {});
    completed.set(lease.run_id, [...(completed.get(lease.run_id) ?? []), executor.executor_id]);
  } catch (error) {
    // Fenced off: the run goes on elsewhere, and this executor has written nothing to it since.
    if (!(error instanceof LeaseLost)) throw error;
    refusedReports += 1;
  }
}

test("gate 5: twenty executors over a thousand runs, some of which die, execute no run twice and lose none", async () => {
  const [dying, sleeping, ...steady] = executors as [TestExecutor, TestExecutor, ...TestExecutor[]];
  // One takes runs and is never heard of again; one takes runs, sleeps past its lease, and then reports as if nothing had been.
  const abandoned = await claimSome(dying, 40, 1);
  const overslept = await claimSome(sleeping, 20, 1);
  expect([abandoned.length, overslept.length]).toEqual([40, 20]);
  // Half of them as far as running; on a slow machine some leases have ended before.
  await Promise.allSettled(abandoned.slice(0, 20).map((claim) => dying.plane.start({ run_id: claim.run.run_id, lease_token: claim.lease_token })));

  const work = async (executor: TestExecutor): Promise<void> => {
    for (;;) {
      const claims = await claimSome(executor, batch, 60);
      await Promise.all(claims.map((claim) => execute(executor, claim)));
      if (claims.length > 0) continue;
      const [open] = await live.sql<{ n: number }>("select count(*)::int as n from ops.runs where environment_id = $1 and status in ('queued', 'claimed', 'running')", [tenant.environment_id]);
      if (open?.n === 0) return;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  };
  const wakeUp = async (): Promise<void> => {
    await live.sql("select pg_sleep(greatest(0, extract(epoch from $1::timestamptz - clock_timestamp())) + 0.2)", [overslept.map((claim) => claim.lease_expires_at).sort().at(-1)]);
    await Promise.all(overslept.map((claim) => execute(sleeping, claim)));
    await work(sleeping);
  };
  await Promise.all([wakeUp(), ...steady.map(work)]);

  expect(refusedReports, "each late report was refused").toBe(overslept.length);
  expect(completed.size).toBe(runCount);
  expect([...completed].filter(([, by]) => by.length !== 1), "runs that two executors completed").toEqual([]);
  const [facts] = await live.sql(`
    with of_run as (
      select r.run_id, r.status, r.attempt,
        (select count(*) from ops.run_events as e where e.run_id = r.run_id and e.type in ('RUN_SUCCEEDED', 'RUN_FAILED', 'RUN_CANCELED')) as ends,
        (select count(*) from ops.run_events as e where e.run_id = r.run_id and e.type = 'RUN_CLAIMED') as claims,
        (select count(*) from ops.run_events as e where e.run_id = r.run_id and e.type = 'LEASE_EXPIRED') as expiries,
        (select count(*) from ops.run_events as e where e.run_id = r.run_id and e.type = 'PHASE_SUCCEEDED') as executions,
        (select count(*) = max(seq) and min(seq) = 1 from ops.run_events as e where e.run_id = r.run_id) as gapless
      from ops.runs as r where r.environment_id = $1)
    select count(*)::int as runs, count(*) filter (where status = 'succeeded')::int as succeeded, count(*) filter (where ends = 1)::int as ended_once,
      count(*) filter (where executions = 1)::int as executed_once, count(*) filter (where claims = expiries + 1 and claims = attempt)::int as accounted_for,
      count(*) filter (where gapless)::int as gapless, count(*) filter (where expiries > 0)::int as taken_over,
      (select count(*)::int from ops.leases as l where l.environment_id = $1) as leases_left
    from of_run`, [tenant.environment_id]);
  expect(facts).toEqual({
    runs: runCount, succeeded: runCount, ended_once: runCount, executed_once: runCount, accounted_for: runCount, gapless: runCount,
    taken_over: abandoned.length + overslept.length, leases_left: 0,
  });
}, 180_000);
