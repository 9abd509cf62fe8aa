import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import {
  aClaim, anExecutor, aRequest, aRun, aTenant, brokenInvariants, call, claimSome, expireLease, finish, leaseOf, openWorld, specText, statusOf, tick, type Tenant, type World,
} from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(24);
});
afterAll(() => world?.drop());

type More = Parameters<typeof aRun>[2];
const endOf = async (run_id: string) => (await world.owner.query("select status, error_code from ops.runs where run_id = $1", [run_id])).rows[0] as { status: string; error_code: string | null };
async function aTemplate(tenant: Tenant, name: string, more: object): Promise<More> {
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: canonicalJson({ ...JSON.parse(specText(["work"], name)), ...more }) });
  return { spec_text: undefined, template_key: name };
}

test("a template with max_starts never starts more of its runs than that in any window, and forgets none", async () => {
  const tenant = await aTenant(world);
  const executors = await Promise.all(Array.from({ length: 6 }, () => anExecutor(world, tenant)));
  const template = await aTemplate(tenant, "paced", { limits: { max_starts: 20, per_seconds: 1 } });
  const runs = await Promise.all(Array.from({ length: 50 }, () => aRun(world, tenant, template)));
  const free = await aRun(world, tenant);
  const ended = new Set<string>();
  const until = Date.now() + 60_000;
  await Promise.all(executors.map(async (executor, nth) => {
    for (let turn = 0; ended.size < runs.length + 1 && Date.now() < until; turn++) {
      for (const claim of await claimSome(world, executor, { max_runs: (nth % 3) + 1 })) {
        // Some are given back and start again: that is a start too.
        if ((turn + nth) % 5 === 0) await call(world, executor, "release_run", leaseOf(claim));
        else {
          await call(world, executor, "fail_run", { ...leaseOf(claim), error_code: "x", error_message: "x", permanent: true });
          ended.add(claim.run.run_id);
        }
      }
    }
  }));
  expect([...ended].toSorted()).toEqual([...runs, free].toSorted());
  const { rows } = await world.owner.query("select l.created_at as at from ops.run_events as l join ops.runs as r using (run_id) where r.environment_id = $1 and r.template_key = 'paced' and l.type = 'RUN_CLAIMED' order by l.created_at", [tenant.environment_id]);
  const gate = (await world.owner.query("select start_seconds from ops_private.gates where environment_id = $1 and kind = 'template'", [tenant.environment_id])).rows[0];
  expect(gate.start_seconds).toBeCloseTo(0.05);
  const at = rows.map((row) => (row.at as Date).getTime());
  expect(at.length).toBeGreaterThanOrEqual(50);
  // Events are written some milliseconds after the instant that counts: allow for one start at each edge.
  for (let first = 0; first < at.length; first++) expect(at.filter((each) => each >= at[first]! && each < at[first]! + 1000).length).toBeLessThanOrEqual(22);
  expect((at.at(-1)! - at[0]!) / 1000).toBeGreaterThan((at.length - 2) * 0.05);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("the instants at which runs of a paced template were claimed lie apart, exactly", async () => {
  const tenant = await aTenant(world);
  const executors = await Promise.all(Array.from({ length: 8 }, () => anExecutor(world, tenant)));
  const template = await aTemplate(tenant, "exact", { limits: { max_starts: 50, per_seconds: 1 } });
  await Promise.all(Array.from({ length: 30 }, () => aRun(world, tenant, template)));
  // Nothing parks them beforehand: the claims alone must keep the distance.
  await world.owner.query("update ops.runs set blocked_gate = null, queue_reason = null where environment_id = $1", [tenant.environment_id]);
  let taken = 0;
  const until = Date.now() + 60_000;
  await Promise.all(executors.map(async (executor) => {
    while (taken < 30 && Date.now() < until) {
      const { length } = await claimSome(world, executor, { max_runs: 4 });
      taken += length;
    }
  }));
  expect(taken).toBe(30);
  const { rows } = await world.owner.query(`select min(gap) as least from (select extract(epoch from claimed_at - lag(claimed_at) over (order by claimed_at)) as gap from ops.leases where environment_id = $1) as x`, [tenant.environment_id]);
  expect(Number(rows[0].least)).toBeGreaterThanOrEqual(0.02);
});

async function shared(weights: number[]): Promise<{ tenants: Tenant[]; executors: Awaited<ReturnType<typeof anExecutor>>[] }> {
  const first = await aTenant(world);
  const tenants = [first, ...(await Promise.all(weights.slice(1).map(() => aTenant(world, first))))];
  for (const [at, tenant] of tenants.entries()) await world.owner.query("update ops.projects set weight = $2 where project_id = $1", [tenant.project_id, weights[at]]);
  const executors = await Promise.all(Array.from({ length: 6 }, () => anExecutor(world, first)));
  for (const executor of executors) for (const tenant of tenants.slice(1)) await world.owner.query("insert into ops.executor_environments values ($1, $2)", [executor.executor_id, tenant.environment_id]);
  return { tenants, executors };
}
const shares = async (tenants: Tenant[]): Promise<number[]> =>
  Promise.all(tenants.map(async (tenant) => (await world.owner.query("select count(*)::int as n from ops.leases where environment_id = $1", [tenant.environment_id])).rows[0].n as number));

test("with everything saturated, live leases of projects are as their weights, whoever queued first", async () => {
  const weights = [1, 2, 5];
  const { tenants, executors } = await shared(weights);
  // The lightest project queues everything first, at the best priority.
  for (const [at, tenant] of tenants.entries()) for (let n = 0; n < 60; n += 20) await Promise.all(Array.from({ length: 20 }, () => aRun(world, tenant, { spec_text: specText(["work"]), priority: at * 10 })));
  const slots = 40;
  const held: { executor: { token: string }; lease: { run_id: string; lease_token: string } }[] = [];
  const fill = async () => {
    while (held.length < slots) {
      const taken = (await Promise.all(executors.slice(0, Math.min(executors.length, slots - held.length)).map(async (executor) => (await claimSome(world, executor)).map((claim) => ({ executor, lease: leaseOf(claim) }))))).flat();
      if (taken.length === 0) return;
      held.push(...taken);
    }
  };
  await fill();
  expect(held).toHaveLength(slots);
  const wanted = weights.map((weight) => (slots * weight) / 8);
  for (const [at, live] of (await shares(tenants)).entries()) expect(Math.abs(live - wanted[at]!), `project ${at}: ${live} of ${wanted[at]}`).toBeLessThanOrEqual(6);
  // Claims one after the other, in batches too, bring it to the exact ratio.
  for (let turn = 0; turn < 12; turn++) {
    const { executor, lease } = held.shift()!;
    await call(world, executor, "fail_run", { ...lease, error_code: "x", error_message: "x", permanent: true });
    held.push(...(await claimSome(world, executors[0]!)).map((claim) => ({ executor: executors[0]!, lease: leaseOf(claim) })));
  }
  const live = await shares(tenants);
  for (const [at, n] of live.entries()) expect(Math.abs(n - wanted[at]!), `project ${at}: ${n} of ${wanted[at]}`).toBeLessThanOrEqual(2);
});

test("a batch is shared too; what an idle project leaves, the others take; within a project priority then age", async () => {
  const { tenants, executors } = await shared([3, 1, 4]);
  const [a, b] = tenants as [Tenant, Tenant];
  const mine: string[] = [];
  for (const priority of [500, 100, 100, 0, 300, 100, 100, 100, 100, 100]) mine.push(await aRun(world, a, { priority }));
  for (let n = 0; n < 10; n++) await aRun(world, b);
  const taken = (await claimSome(world, executors[0]!, { max_runs: 8 })).map((claim) => claim.run);
  expect(taken.filter((run) => run.project_id === a.project_id).map((run) => run.run_id)).toEqual([mine[3], mine[1], mine[2], mine[5], mine[6], mine[7]]);
  expect(taken.filter((run) => run.project_id === b.project_id)).toHaveLength(2);
  // The third project, the heaviest, is idle: nothing is kept for it.
  expect(await claimSome(world, executors[1]!, { max_runs: 100 })).toHaveLength(12);
});

test("an executor that serves environments of several projects reaches nothing of a project that it does not serve, nor of another organization", async () => {
  const first = await aTenant(world);
  const [served, unserved, foreign] = [await aTenant(world, first), await aTenant(world, first), await aTenant(world)];
  const executor = await anExecutor(world, first);
  await world.owner.query("insert into ops.executor_environments values ($1, $2), ($1, $3)", [executor.executor_id, served.environment_id, foreign.environment_id]);
  const run = await aRun(world, served);
  const [hidden, outside] = [await aRun(world, unserved), await aRun(world, foreign)];
  const seen = (await call(world, executor, "whoami", {})).environments.map((each) => each.environment_id);
  expect(seen.toSorted()).toEqual([first.environment_id, served.environment_id].toSorted());
  expect((await claimSome(world, executor, { max_runs: 100 })).map((claim) => claim.run.run_id)).toEqual([run]);
  for (const run_id of [hidden, outside]) expect(await claimSome(world, executor, { run_id })).toEqual([]);
});

test("a newer run takes the place of those with its debounce key that have not started; the window stays the first one's", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const create = async (n: number, seconds = 60) => (await call(world, tenant.api, "create_run", aRequest(tenant, { debounce_key: "table a", debounce_seconds: seconds, parameters: { n } }))).run;
  const first = await create(1);
  const burst = await Promise.all(Array.from({ length: 12 }, (_, n) => create(n + 2, 300)));
  const { rows } = await world.owner.query("select status, error_code, count(*)::int as n, min(run_after) as run_after from ops.runs where environment_id = $1 group by 1, 2 order by 1", [tenant.environment_id]);
  expect(rows.map(({ status, error_code, n }) => ({ status, error_code, n }))).toEqual([{ status: "canceled", error_code: "superseded", n: 12 }, { status: "queued", error_code: null, n: 1 }]);
  expect(rows[1].run_after.toISOString()).toBe(new Date(first.run_after!).toISOString());
  expect(burst).toHaveLength(12);
  expect(await claimSome(world, executor)).toEqual([]);
  await world.owner.query("update ops.runs set not_before = clock_timestamp() where status = 'queued' and environment_id = $1", [tenant.environment_id]);
  const started = await aClaim(world, executor);
  await call(world, executor, "start_run", started.lease);
  // What has started is left alone; the next burst waits for itself.
  const later = await create(99, 0);
  expect(await statusOf(world, started.run.run_id)).toBe("running");
  expect((await aClaim(world, executor)).run.run_id).toBe(later.run_id);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a replayed idempotency key never supersedes its own run, even from many callers at once", async () => {
  const tenant = await aTenant(world);
  const request = aRequest(tenant, { debounce_key: "k", idempotency_key: "once" });
  const answers = await Promise.all(Array.from({ length: 10 }, () => call(world, tenant.api, "create_run", request)));
  expect(new Set(answers.map((answer) => answer.run.run_id)).size).toBe(1);
  expect(answers.filter((answer) => answer.created)).toHaveLength(1);
  expect(await statusOf(world, answers[0]!.run.run_id)).toBe("queued");
});

test("a run that is active longer than its timeout is told so and fails with timeout, and so does one whose executor says nothing", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const late = async (run_id: string) => {
    await world.owner.query("update ops.leases set deadline_at = clock_timestamp() - interval '1 second' where run_id = $1", [run_id]);
    await world.owner.query("update ops.runs set started_at = started_at - interval '1 hour' where run_id = $1", [run_id]);
  };
  const ways: ((claim: Awaited<ReturnType<typeof aClaim>>) => Promise<unknown>)[] = [
    async (claim) => {
      expect(await call(world, executor, "heartbeat_run", claim.lease)).toMatchObject({ cancel_requested: true, stop_code: "timeout" });
      await call(world, executor, "fail_run", { ...claim.lease, error_code: "canceled", error_message: "stopped", permanent: true });
    },
    async (claim) => { await expireLease(world, claim.run.run_id); await tick(world); },
    async (claim) => call(world, executor, "release_run", claim.lease),
  ];
  for (const way of ways) {
    const run_id = await aRun(world, tenant, { timeout_seconds: 30 });
    const claim = await aClaim(world, executor);
    await call(world, executor, "start_run", claim.lease);
    await late(run_id);
    await way(claim);
    expect(await endOf(run_id)).toEqual({ status: "failed", error_code: "timeout" });
  }
  // Between two attempts it is nobody's: the claim that would begin the next one ends it.
  const run_id = await aRun(world, tenant, { timeout_seconds: 30 });
  const claim = await aClaim(world, executor);
  await call(world, executor, "start_run", claim.lease);
  await call(world, executor, "fail_run", { ...claim.lease, error_code: "x", error_message: "x", retry_after_seconds: 0 });
  await world.owner.query("update ops.runs set started_at = started_at - interval '1 hour' where run_id = $1", [run_id]);
  expect(await claimSome(world, executor)).toEqual([]);
  expect(await endOf(run_id)).toEqual({ status: "failed", error_code: "timeout" });
});

test("a run that ends within its timeout is not touched by it, and the spec's timeout holds where the request names none", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const spec_text = canonicalJson({ ...JSON.parse(specText(["work"])), timeout_seconds: 120 });
  const run_id = await aRun(world, tenant, { spec_text });
  const claim = await aClaim(world, executor);
  const { rows } = await world.owner.query("select round(extract(epoch from deadline_at - claimed_at))::int as seconds from ops.leases where run_id = $1", [run_id]);
  expect(rows[0].seconds).toBe(120);
  await finish(world, executor, claim);
  expect(await statusOf(world, run_id)).toBe("succeeded");
});

test("under a storm of kills no run has more attempts than it may, and all end lease_exhausted", async () => {
  const tenant = await aTenant(world);
  const executors = await Promise.all(Array.from({ length: 8 }, () => anExecutor(world, tenant)));
  const runs = await Promise.all(Array.from({ length: 40 }, (_, n) => aRun(world, tenant, { spec_text: specText(["work"]), max_attempts: (n % 4) + 1, concurrency_key: `k${n % 3}`, concurrency_limit: 4 })));
  const open = async () => (await world.owner.query("select count(*)::int as n from ops.runs where environment_id = $1 and status not in ('succeeded', 'failed', 'canceled')", [tenant.environment_id])).rows[0].n as number;
  await Promise.all(executors.map(async (executor, nth) => {
    while ((await open()) > 0) {
      for (const claim of await claimSome(world, executor, { max_runs: 3 })) await expireLease(world, claim.run.run_id);
      if (nth === 0) await tick(world);
    }
  }));
  const { rows } = await world.owner.query("select attempt, max_attempts, error_code, (select count(*)::int from ops.run_events as e where e.run_id = r.run_id and e.type = 'RUN_CLAIMED') as claims from ops.runs as r where run_id = any ($1)", [runs]);
  expect(rows.filter((row) => row.attempt !== row.max_attempts || row.claims !== row.max_attempts || row.error_code !== "lease_exhausted")).toEqual([]);
  expect(await brokenInvariants(world)).toEqual([]);
});
