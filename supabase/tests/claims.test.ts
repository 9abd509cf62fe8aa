import { afterAll, beforeAll, expect, test } from "vitest";
import { claimsResponse, sharedClaimsResponse, withSpecs } from "../../contracts/claim.ts";
import {
  aClaim, anExecutor, aRequest, aRun, aTenant, brokenInvariants, call, claimSome, eventTypes, expireLease, finish, leaseOf, openWorld, refusal, specText, statusOf, tick,
  type Tenant, type World,
} from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(24);
});
afterAll(() => world?.drop());

const onePhase = () => specText(["work"]);
async function manyRuns(tenant: Tenant, count: number, more: Parameters<typeof aRun>[2] | ((n: number) => Parameters<typeof aRun>[2]) = {}): Promise<string[]> {
  const made: string[] = [];
  for (let start = 0; start < count; start += 20) {
    made.push(...(await Promise.all(Array.from({ length: Math.min(20, count - start) }, (_, n) => aRun(world, tenant, { spec_text: onePhase(), ...(typeof more === "function" ? more(start + n) : more) })))));
  }
  return made;
}

test("a run is never executed twice: 20 executors over 1,000 runs", async () => {
  const tenant = await aTenant(world);
  const executors = await Promise.all(Array.from({ length: 20 }, () => anExecutor(world, tenant)));
  const runs = await manyRuns(tenant, 1000);
  const executions = new Map<string, number>();
  await Promise.all(executors.map(async (executor, nth) => {
    for (;;) {
      const claims = await claimSome(world, executor, { max_runs: (nth % 4) + 1 });
      if (claims.length === 0) return;
      for (const claim of claims) {
        executions.set(claim.run.run_id, (executions.get(claim.run.run_id) ?? 0) + 1);
        const lease = leaseOf(claim);
        await call(world, executor, "start_run", lease);
        await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "running" } });
        await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "succeeded" } });
        expect((await call(world, executor, "complete_run", lease)).status).toBe("succeeded");
      }
    }
  }));
  expect([...executions.keys()].sort()).toEqual([...runs].sort());
  expect([...executions.values()].filter((times) => times !== 1)).toEqual([]);
  const { rows } = await world.owner.query("select count(*) filter (where type = 'RUN_CLAIMED')::int as claimed, count(*) filter (where type = 'RUN_STARTED')::int as started, count(*) filter (where type = 'RUN_SUCCEEDED')::int as succeeded from ops.run_events where run_id = any ($1)", [runs]);
  expect(rows[0]).toEqual({ claimed: 1000, started: 1000, succeeded: 1000 });
  expect(await brokenInvariants(world)).toEqual([]);
});

test("killed executors lose their leases, their zombies write nothing, and every run still ends once", async () => {
  const tenant = await aTenant(world);
  const runs = await manyRuns(tenant, 150, { max_attempts: 100, concurrency_key: "shared", concurrency_limit: 6 });
  const completed = new Map<string, number>();
  let zombies = 0;
  let turn = 0;
  const left = async () => (await world.owner.query("select count(*)::int as n from ops.runs where environment_id = $1 and status in ('queued', 'claimed', 'running')", [tenant.environment_id])).rows[0].n as number;
  await Promise.all(Array.from({ length: 10 }, async () => {
    const executor = await anExecutor(world, tenant);
    while ((await left()) > 0) {
      for (const claim of await claimSome(world, executor, { max_runs: 2 })) {
        const lease = leaseOf(claim);
        const dies = turn++ % 4 === 0;
        if (dies) await expireLease(world, lease.run_id);
        const end = async () => {
          await call(world, executor, "start_run", lease);
          await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "running" } });
          await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "succeeded" } });
          await call(world, executor, "complete_run", lease);
        };
        if (dies) {
          zombies++;
          expect(await refusal(end())).toEqual({ code: "lease_lost", status: "PT409" });
          expect((await refusal(call(world, executor, "complete_run", lease))).code).toBe("lease_lost");
        } else {
          await end();
          completed.set(lease.run_id, (completed.get(lease.run_id) ?? 0) + 1);
        }
      }
    }
  }));
  expect(zombies).toBeGreaterThan(20);
  expect([...completed.values()].filter((times) => times !== 1)).toEqual([]);
  expect([...completed.keys()].sort()).toEqual([...runs].sort());
  expect(await brokenInvariants(world)).toEqual([]);
});

test("200 parallel claims against room for 37 give 37", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await manyRuns(tenant, 200, { concurrency_key: "room", concurrency_limit: 37 });
  const taken = (await Promise.all(Array.from({ length: 200 }, () => claimSome(world, executor)))).flat();
  expect(taken).toHaveLength(37);
  expect(new Set(taken.map((claim) => claim.run.run_id)).size).toBe(37);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("200 parallel claims keep two gates at once: a key for 37 and a template for 21", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "limited") });
  await world.owner.query("update ops.job_templates set max_active = 21 where project_id = $1", [tenant.project_id]);
  const free = await manyRuns(tenant, 60, { concurrency_key: "both", concurrency_limit: 37 });
  const limited: string[] = [];
  for (let n = 0; n < 60; n++) limited.push((await call(world, tenant.api, "create_run", { request: { ...aRequest(tenant).request, spec_text: undefined, template_key: "limited", priority: 50, concurrency_key: "both" } })).run.run_id);
  const taken = (await Promise.all(Array.from({ length: 200 }, () => claimSome(world, executor)))).flat().map((claim) => claim.run.run_id);
  expect(taken.length).toBe(37);
  expect(taken.filter((run) => limited.includes(run)).length).toBeLessThanOrEqual(21);
  expect(taken.filter((run) => free.includes(run)).length).toBeGreaterThanOrEqual(16);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("runs that wait at gates come back: none is stuck when all others have ended", async () => {
  const tenant = await aTenant(world);
  const executors = await Promise.all(Array.from({ length: 8 }, () => anExecutor(world, tenant)));
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "narrow") });
  await world.owner.query("update ops.job_templates set max_active = 2 where project_id = $1", [tenant.project_id]);
  const runs = await manyRuns(tenant, 200, (n) => ({ ...(n % 3 === 0 ? { spec_text: undefined, template_key: "narrow" } : {}), concurrency_key: `key ${n % 7}`, concurrency_limit: (n % 7) + 1 }));
  const released = new Set<string>();
  await Promise.all(executors.map(async (executor, nth) => {
    // An executor stops only when it finds nothing: whoever ends a run after that must have left a claimable one to itself.
    for (let claims; (claims = await claimSome(world, executor, { max_runs: 3 })).length > 0; ) {
      for (const [at, claim] of claims.entries()) {
        if ((at + nth) % 5 === 0 && !released.has(claim.run.run_id)) {
          released.add(claim.run.run_id);
          await call(world, executor, "release_run", leaseOf(claim));
        } else if ((at + nth) % 5 === 1) await call(world, executor, "fail_run", { ...leaseOf(claim), error_code: "sql_error", error_message: "no", permanent: true });
        else await finish(world, executor, { ...claim, lease: leaseOf(claim) });
      }
    }
  }));
  const { rows } = await world.owner.query("select run_id, queue_reason from ops.runs where run_id = any ($1) and status not in ('succeeded', 'failed')", [runs]);
  expect(rows).toEqual([]);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a queued run that is canceled lets the one that waits behind it through, without a tick", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const first = await aRun(world, tenant, { concurrency_key: "one" });
  const second = await aRun(world, tenant, { concurrency_key: "one" });
  expect((await world.owner.query("select queue_reason from ops.runs where run_id = $1", [second])).rows[0].queue_reason).toBe("concurrency limit reached: one");
  await call(world, tenant.api, "cancel_run", { run_id: first });
  expect((await aClaim(world, executor)).run.run_id).toBe(second);
});

test("a run that goes from one full gate to wait at the other leaves its room to the next, without a tick", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "narrow") });
  await world.owner.query("update ops.job_templates set max_active = 1 where project_id = $1", [tenant.project_id]);
  await aRun(world, tenant, { concurrency_key: "a" });
  const atKey = await aClaim(world, executor);
  await aRun(world, tenant, { spec_text: undefined, template_key: "narrow" });
  await aClaim(world, executor); // holds the template's gate from here on
  const both = await aRun(world, tenant, { spec_text: undefined, template_key: "narrow", concurrency_key: "a", priority: 0 });
  const next = await aRun(world, tenant, { concurrency_key: "a" });
  await finish(world, executor, atKey);
  expect((await claimSome(world, executor)).map((claim) => claim.run.run_id)).toEqual([next]);
  expect((await world.owner.query("select queue_reason from ops.runs where run_id = $1", [both])).rows[0].queue_reason).toBe("template limit reached: narrow");
});

test("a run that waits for its time takes no room at a gate", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aRun(world, tenant, { concurrency_key: "one", run_after: new Date(Date.now() + 3_600_000).toISOString() });
  const now = await aRun(world, tenant, { concurrency_key: "one" });
  expect((await aClaim(world, executor)).run.run_id).toBe(now);
});

test("lower priority numbers go first, then age, over all lanes that an executor serves", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const priorities = [500, 10, 100, 10, 0, 100, 1000, 0];
  const made: { run_id: string; priority: number; at: number }[] = [];
  for (const [at, priority] of priorities.entries()) made.push({ run_id: await aRun(world, tenant, { priority, queue: at % 2 ? "default" : "nightly", labels: at % 3 ? [] : ["gpu"] }), priority, at });
  const wanted = made.toSorted((a, b) => a.priority - b.priority || a.at - b.at).map((each) => each.run_id);
  const all = { queues: ["default", "nightly"], labels: ["gpu", "other"] };
  const batch = await claimSome(world, executor, { ...all, max_runs: 5 });
  const singles = [await claimSome(world, executor, all), await claimSome(world, executor, all), await claimSome(world, executor, all)].flat();
  expect([...batch, ...singles].map((claim) => claim.run.run_id)).toEqual(wanted);
});

test("an executor takes only runs of its queues whose labels it all offers", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aRun(world, tenant, { queue: "other" });
  await aRun(world, tenant, { labels: ["gpu", "big"] });
  expect(await claimSome(world, executor, { max_runs: 10, labels: ["gpu"] })).toEqual([]);
  expect(await claimSome(world, executor, { max_runs: 10, labels: ["big", "gpu", "eu"] })).toHaveLength(1);
  expect(await claimSome(world, executor, { max_runs: 10, queues: ["other"] })).toHaveLength(1);
});

test("run_after holds a run back until its time; then a claim takes it without a tick", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const run = await aRun(world, tenant, { run_after: new Date(Date.now() + 3_600_000).toISOString() });
  expect(await claimSome(world, executor)).toEqual([]);
  await world.owner.query("update ops.runs set not_before = clock_timestamp() where run_id = $1", [run]);
  expect((await aClaim(world, executor)).run.run_id).toBe(run);
});

test("a run that was not started before expires_at ends canceled with the code expired, by claim or by tick", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const past = new Date(Date.now() - 1000).toISOString();
  const claimed = await aRun(world, tenant, { expires_at: past, concurrency_key: "late" });
  expect(await claimSome(world, executor)).toEqual([]);
  const ticked = await aRun(world, tenant, { expires_at: past, concurrency_key: "late" });
  const behind = await aRun(world, tenant, { concurrency_key: "late" });
  await tick(world);
  const { rows } = await world.owner.query("select run_id, status, error_code from ops.runs where run_id = any ($1) order by run_id", [[claimed, ticked]]);
  expect(rows).toEqual([claimed, ticked].map((run_id) => ({ run_id, status: "canceled", error_code: "expired" })));
  expect((await aClaim(world, executor)).run.run_id).toBe(behind);
});

test("a draining executor gets nothing, and what it holds goes on", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aRun(world, tenant);
  const held = await aClaim(world, executor);
  await aRun(world, tenant);
  await world.owner.query("update ops.executors set draining_since = now() where executor_id = $1", [executor.executor_id]);
  expect(await claimSome(world, executor, { max_runs: 10 })).toEqual([]);
  await finish(world, executor, held);
  expect(await statusOf(world, held.run.run_id)).toBe("succeeded");
});

test("no claim reaches another tenant, not even by run_id", async () => {
  const [mine, theirs] = [await aTenant(world), await aTenant(world)];
  const executor = await anExecutor(world, mine);
  const foreign = await aRun(world, theirs);
  expect(await claimSome(world, executor, { run_id: foreign })).toEqual([]);
  expect(await claimSome(world, executor, { max_runs: 100 })).toEqual([]);
  // An environment of another project in the executor's list gives nothing either.
  await world.owner.query("insert into ops.executor_environments values ($1, $2)", [executor.executor_id, theirs.environment_id]);
  expect(await claimSome(world, executor, { max_runs: 100 })).toEqual([]);
  expect(await refusal(call(world, mine.api, "claim_runs", {}))).toEqual({ code: "forbidden", status: "PT403" });
  expect(await refusal(call(world, { user: mine.user }, "claim_runs", {}))).toEqual({ code: "forbidden", status: "PT403" });
});

test("null and out-of-range arguments of a claim are refused, never read as no limit", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aRun(world, tenant);
  for (const args of [{ max_runs: null }, { max_runs: 0 }, { max_runs: 101 }, { lease_seconds: null }, { lease_seconds: 601 }, { queues: null }, { labels: null }]) {
    expect(await refusal(call(world, executor, "claim_runs", args as never)), JSON.stringify(args)).toEqual({ code: "invalid_input", status: "PT400" });
  }
});

test("a claim reads as little with 15,000 queued, parked and future runs as with 300", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const model = await aRun(world, tenant);
  const gated = await aRun(world, tenant, { concurrency_key: "full", priority: 1 });
  // `each` of three sorts, copied from a run that create_run made, so that every column is as it would be.
  const fill = async (each: number) => {
    for (const [source, changes] of [
      [model, {}], [model, { not_before: new Date(Date.now() + 86_400_000).toISOString() }], [gated, { blocked: true }],
    ] as const) {
      await world.owner.query(
        `insert into ops.runs select copy.* from ops.runs as r, generate_series(1, $2::int) as n, lateral jsonb_populate_record(r, $3::jsonb
           || jsonb_build_object('run_id', ops_private.uuid_v7(), 'priority', 500 + n * 0, 'blocked_gate', case when $3::jsonb ? 'blocked' then r.gate_ids[1] end)) as copy where r.run_id = $1`, [source, each, JSON.stringify(changes)]);
    }
    await world.owner.query("insert into ops_private.run_heads (run_id, environment_id) select run_id, environment_id from ops.runs where environment_id = $1 on conflict do nothing", [tenant.environment_id]);
    await world.owner.query("vacuum analyze ops.runs");
  };
  const buffers = async () => {
    const client = await world.rest.connect();
    try {
      await client.query("begin");
      await client.query("select set_config('ops.principal', $1, true)", [JSON.stringify({ type: "executor", id: executor.executor_id, name: "e", project_id: tenant.project_id })]);
      await client.query("set local role ops_token");
      await client.query("select ops.claim_runs(10)"); // plans and catalogs are in the session's caches after this
      const { rows } = await client.query("explain (analyze, buffers, format json) select ops.claim_runs(10)");
      const plan = rows[0]["QUERY PLAN"][0].Plan;
      return (plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) as number;
    } finally {
      await client.query("rollback");
      client.release();
    }
  };
  await fill(100);
  const few = await buffers();
  await fill(5_000);
  const many = await buffers();
  expect(many).toBeLessThan(few * 1.5 + 50);
});

test("a claim with start begins its runs at once, and start is then a repeat that writes nothing", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const run_id = await aRun(world, tenant);
  const { items } = await call(world, executor, "claim_runs", { start: true });
  expect(items.map((item) => [item.run.run_id, item.run.status, item.run.started_at !== null])).toEqual([[run_id, "running", true]]);
  const lease = { run_id, lease_token: items[0]!.lease_token };
  expect((await call(world, executor, "start_run", lease)).status).toBe("running");
  expect(await eventTypes(world, run_id)).toEqual(["RUN_CREATED", "RUN_CLAIMED", "RUN_STARTED"]);
  await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "running" } });
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a claim that shares specs names each once, by its hash, and is else the same", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  for (const phase of ["one", "one", "two"]) await aRun(world, tenant, { spec_text: specText([phase]) });
  const answer = sharedClaimsResponse.parse(await call(world, executor, "claim_runs", { max_runs: 3, share_specs: true }));
  expect(Object.keys(answer.specs)).toHaveLength(2);
  for (const { run, phases } of answer.items) expect(answer.specs[run.spec_sha256]).toMatchObject({ phases: phases.map(({ name }) => ({ name })) });
  expect(claimsResponse.parse(withSpecs(answer)).items.map(({ spec }) => spec)).toEqual(answer.items.map(({ run }) => answer.specs[run.spec_sha256]));
});

test("an idle claim that may wait for a notification alone is notified: of a first run, and of two creations at once", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const heard: string[] = [];
  const [listener, first, second] = await Promise.all([world.owner.connect(), world.owner.connect(), world.owner.connect()]);
  try {
    listener.on("notification", ({ payload }) => heard.push(payload ?? ""));
    await listener.query("listen ops_lane");
    const heardOf = async (queue: string) => {
      const { rows } = await world.owner.query("select lane_id::text from ops_private.lanes where environment_id = $1 and queue = $2", [tenant.environment_id, queue]);
      await expect.poll(() => heard).toContain(rows[0].lane_id);
    };
    const idle = (queue: string) => call(world, executor, "claim_runs", { queues: [queue] });
    // A lane that no claim has seen begins armed: who waits there already waits rightly.
    expect(await idle("new")).toMatchObject({ items: [], again: false, retry_after_ms: 1000 });
    await aRun(world, tenant, { queue: "new" });
    await heardOf("new");

    await call(world, tenant.api, "cancel_run", { run_id: await aRun(world, tenant, { queue: "busy" }) });
    heard.length = 0;
    // A creation under way keeps the lane from being armed, so the claim may not wait yet.
    const creation = "select ops_private.wake(array[lane_id]) from (select lane_id from ops_private.lanes where environment_id = $1 and queue = 'busy' for key share) as held";
    await first.query("begin");
    await first.query(creation, [tenant.environment_id]);
    expect(await idle("busy")).toMatchObject({ retry_after_ms: 100 });
    expect(await idle("busy")).toMatchObject({ retry_after_ms: 100 });
    await first.query("commit");
    expect(await idle("busy")).toMatchObject({ retry_after_ms: 100 });
    expect(await idle("busy")).toMatchObject({ retry_after_ms: 1000 });
    // Two at once, each holding the lane by its foreign key: one of them wakes.
    for (const client of [first, second]) {
      await client.query("begin");
      await client.query("select from ops_private.lanes where environment_id = $1 and queue = 'busy' for key share", [tenant.environment_id]);
    }
    for (const client of [first, second]) await client.query(creation, [tenant.environment_id]);
    for (const client of [second, first]) await client.query("commit");
    await heardOf("busy");
  } finally {
    for (const client of [listener, first, second]) client.release(true);
  }
});
