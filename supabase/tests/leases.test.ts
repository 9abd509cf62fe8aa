import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RpcName } from "../../contracts/rpc.ts";
import {
  aClaim, anExecutor, anObject, aRun, aTenant, brokenInvariants, call, claimSome, cronSecret, eventTypes, expireLease, finish, leaseOf, openWorld, refusal, specText, statusOf, tick,
  type Tenant, type World,
} from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
beforeAll(async () => {
  world = await openWorld(12);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

type Lease = { run_id: string; lease_token: string };
/** Every write of an executor, with arguments that a live lease would be allowed. */
const writes: Record<string, (lease: Lease) => Record<string, unknown>> = {
  start_run: (lease) => lease,
  heartbeat_run: (lease) => lease,
  append_events: (lease) => ({ ...lease, events: [{ event_id: randomUUID(), type: "NOTE" }] }),
  set_phase: (lease) => ({ ...lease, name: "extract", patch: { status: "running" } }),
  pin_inputs: (lease) => lease,
  register_artifact: (lease) => ({ ...lease, artifact: { name: "a.txt", kind: "log", content_type: "text/plain", byte_size: 1, sha256: "0".repeat(64) } }),
  begin_publish: (lease) => ({ ...lease, phase: "extract", datasets: ["bronze.a"] }),
  record_quality: (lease) => ({ ...lease, phase: "extract", results: [] }),
  publish_dataset: (lease) => ({ ...lease, dataset: { phase: "extract", name: "bronze.a" } }),
  create_children: (lease) => ({ ...lease, phase: "extract", spec_text: specText(["extract"]), children: [{ key: "a", parameters: {} }] }),
  wait_for_children: (lease) => lease,
  release_run: (lease) => lease,
  append_logs: (lease) => ({ ...lease, chunks: [{ chunk_id: randomUUID(), phase: null, stream: "stdout", text: "a\n" }] }),
  put_signals: (lease) => ({ ...lease, signals: { failures: 1 } }),
  cap_allow: (lease) => ({ ...lease, cap_key: "rows" }),
  get_run_secrets: (lease) => lease,
  reseal_secret: (lease) => ({ ...lease, name: "password", version: 1, sealed: "x" }),
  complete_run: (lease) => lease,
  fail_run: (lease) => ({ ...lease, error_code: "sql_error", error_message: "no" }),
};
async function refusedEverywhere(who: { token: string }, lease: Lease, code: string): Promise<void> {
  const before = await eventTypes(world, lease.run_id);
  for (const [name, args] of Object.entries(writes)) {
    expect((await refusal(call(world, who, name as RpcName, args(lease) as never))).code, name).toBe(code);
  }
  expect(await eventTypes(world, lease.run_id)).toEqual(before);
}

test("no write of an executor is missing from these tests", async () => {
  const { rows } = await world.owner.query("select p.proname as name from pg_proc as p where p.pronamespace = 'ops'::regnamespace and 'lease_token' = any (p.proargnames) order by 1");
  expect(rows.map((row) => row.name)).toEqual(Object.keys(writes).sort());
});

test("an expired lease writes nothing, before and after the sweep", async () => {
  await aRun(world, tenant);
  const claim = await aClaim(world, executor);
  await expireLease(world, claim.lease.run_id);
  await refusedEverywhere(executor, claim.lease, "lease_lost");
  await tick(world);
  expect(await statusOf(world, claim.lease.run_id)).toBe("queued");
  await refusedEverywhere(executor, claim.lease, "lease_lost");
  const again = await aClaim(world, executor, { run_id: claim.lease.run_id });
  expect(again.attempt).toBe(2);
  await refusedEverywhere(executor, claim.lease, "lease_lost");
  await finish(world, executor, again);
  await refusedEverywhere(executor, claim.lease, "lease_lost");
});

test("who was not given a lease waits for nothing that its holder has locked, and so makes nobody wait", async () => {
  await aRun(world, tenant);
  const { lease } = await aClaim(world, executor);
  const stranger = await anExecutor(world, await aTenant(world));
  const holder = await world.owner.connect();
  try {
    await holder.query("begin");
    for (const table of ["ops.runs", "ops.leases", "ops_private.run_heads"]) await holder.query(`select from ${table} where run_id = $1 for update`, [lease.run_id]);
    await refusedEverywhere(executor, { ...lease, lease_token: randomUUID() }, "lease_lost");
    await refusedEverywhere(stranger, { ...lease, lease_token: randomUUID() }, "not_found");
  } finally {
    await holder.query("rollback");
    holder.release();
  }
});

test("a wrong token and another executor with the right token write nothing", async () => {
  await aRun(world, tenant);
  const claim = await aClaim(world, executor);
  await refusedEverywhere(executor, { ...claim.lease, lease_token: randomUUID() }, "lease_lost");
  await refusedEverywhere(await anExecutor(world, tenant), claim.lease, "lease_lost");
  await finish(world, executor, claim);
});

test("a run of another tenant is not found, with its own lease token too; a run that is nowhere as well", async () => {
  const other = await aTenant(world);
  const theirs = await anExecutor(world, other);
  await aRun(world, other);
  const claim = await aClaim(world, theirs);
  await refusedEverywhere(executor, claim.lease, "not_found");
  await refusedEverywhere(executor, { run_id: randomUUID(), lease_token: claim.lease.lease_token }, "not_found");
  await finish(world, theirs, claim);
  await refusedEverywhere(executor, claim.lease, "not_found");
});

test("users and API tokens hold no lease: every write is forbidden to them", async () => {
  await aRun(world, tenant);
  const claim = await aClaim(world, executor);
  for (const [name, args] of Object.entries(writes)) {
    expect((await refusal(call(world, tenant.api, name as RpcName, args(claim.lease) as never))).code, name).toBe("forbidden");
    expect((await refusal(call(world, { user: tenant.user }, name as RpcName, args(claim.lease) as never))).code, name).toBe("forbidden");
  }
  await finish(world, executor, claim);
});

test("a heartbeat renews by the database's clock, and never shortens a lease", async () => {
  await aRun(world, tenant);
  const claim = await aClaim(world, executor, { lease_seconds: 20 });
  const longer = await call(world, executor, "heartbeat_run", { ...claim.lease, lease_seconds: 300, phase: "extract" });
  expect(Date.parse(longer.lease_expires_at) - Date.parse(claim.lease_expires_at)).toBeGreaterThan(270_000);
  const shorter = await call(world, executor, "heartbeat_run", { ...claim.lease, lease_seconds: 1 });
  expect(shorter.lease_expires_at).toBe(longer.lease_expires_at);
  expect(shorter.cancel_requested).toBe(false);
  await finish(world, executor, claim);
});

test("a run whose executors keep dying ends failed with lease_exhausted, and its phase with it", async () => {
  const run_id = await aRun(world, tenant, { max_attempts: 2 });
  for (const attempt of [1, 2]) {
    const claim = await aClaim(world, executor, { run_id });
    expect(claim.attempt).toBe(attempt);
    await call(world, executor, "start_run", claim.lease);
    await call(world, executor, "set_phase", { ...claim.lease, name: "extract", patch: { status: "running" } });
    await expireLease(world, run_id);
    await tick(world);
  }
  const { rows } = await world.owner.query("select status, error_code, attempt from ops.runs where run_id = $1", [run_id]);
  expect(rows).toEqual([{ status: "failed", error_code: "lease_exhausted", attempt: 2 }]);
  expect(await eventTypes(world, run_id)).toEqual([
    "RUN_CREATED", "RUN_CLAIMED", "RUN_STARTED", "PHASE_STARTED", "LEASE_EXPIRED", "PHASE_RESET", "RUN_REQUEUED",
    "RUN_CLAIMED", "RUN_STARTED", "PHASE_STARTED", "LEASE_EXPIRED", "PHASE_FAILED", "PHASE_SKIPPED", "PHASE_SKIPPED", "RUN_FAILED",
  ]);
});

test("a repeated complete, fail or release is answered with what it did the first time", async () => {
  for (const end of ["complete_run", "fail_run", "release_run"] as const) {
    const run_id = await aRun(world, tenant, { spec_text: specText([]) });
    const claim = await aClaim(world, executor, { run_id });
    await call(world, executor, "start_run", claim.lease);
    const args = { ...claim.lease, ...(end === "fail_run" ? { error_code: "sql_error", error_message: "no", retry_after_seconds: 0 } : {}) } as never;
    const first = await call(world, executor, end, args);
    const events = await eventTypes(world, run_id);
    expect(await call(world, executor, end, args)).toEqual(first);
    expect(await eventTypes(world, run_id)).toEqual(events);
    if (end === "complete_run") continue;
    // Another attempt is under way: the old report is still answered with its own outcome, and changes nothing.
    const next = await aClaim(world, executor, { run_id });
    expect(await call(world, executor, end, args)).toEqual(first);
    expect(await statusOf(world, run_id)).toBe("claimed");
    await finish(world, executor, next);
    expect((await refusal(call(world, executor, end, args))).code).toBe("lease_lost");
  }
});

test("release costs no attempt and keeps the phases that succeeded", async () => {
  const run_id = await aRun(world, tenant);
  const claim = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", claim.lease);
  await call(world, executor, "set_phase", { ...claim.lease, name: "extract", patch: { status: "running" } });
  await call(world, executor, "set_phase", { ...claim.lease, name: "extract", patch: { status: "succeeded" } });
  await call(world, executor, "set_phase", { ...claim.lease, name: "check", patch: { status: "running", checkpoint: { at: 7 } } });
  expect(await call(world, executor, "release_run", { ...claim.lease, reason: "time limit" })).toMatchObject({ status: "queued", attempt: 0 });
  const next = await aClaim(world, await anExecutor(world, tenant), { run_id });
  expect(next.attempt).toBe(1);
  expect(next.phases.map((phase) => [phase.status, phase.checkpoint])).toEqual([["succeeded", null], ["pending", { at: 7 }], ["pending", null]]);
});

test("cancel ends a queued run at once, and an active one when its executor answers or its lease ends", async () => {
  const queued = await aRun(world, tenant);
  expect(await call(world, tenant.api, "cancel_run", { run_id: queued, reason: "not today" })).toMatchObject({ status: "canceled", error_message: "not today" });
  expect((await eventTypes(world, queued)).at(-1)).toBe("RUN_CANCELED");
  for (const how of ["complete_run", "fail_run", "release_run", "sweep"] as const) {
    for (const started of [false, true]) {
      const run_id = await aRun(world, tenant, { spec_text: specText([]) });
      const claim = await aClaim(world, executor, { run_id });
      if (started) await call(world, executor, "start_run", claim.lease);
      await call(world, tenant.api, "cancel_run", { run_id });
      await call(world, tenant.api, "cancel_run", { run_id }); // a repeat changes nothing
      expect((await call(world, executor, "heartbeat_run", claim.lease)).cancel_requested).toBe(true);
      if (how === "sweep") {
        await expireLease(world, run_id);
        await tick(world);
      } else {
        const answer = await call(world, executor, how, { ...claim.lease, ...(how === "fail_run" ? { error_code: "sql_error", error_message: "no" } : {}) } as never);
        expect(answer).toMatchObject({ status: "canceled" });
      }
      expect(await statusOf(world, run_id), `${how} after start ${started}`).toBe("canceled");
      expect((await eventTypes(world, run_id)).filter((type) => type === "CANCEL_REQUESTED")).toHaveLength(1);
    }
  }
});

test("a canceled run never comes back, whatever was waiting to retry", async () => {
  const run_id = await aRun(world, tenant, { spec_text: specText([]) });
  const claim = await aClaim(world, executor, { run_id });
  await call(world, executor, "fail_run", { ...claim.lease, error_code: "sql_error", error_message: "no", retry_after_seconds: 0.01 });
  await call(world, tenant.api, "cancel_run", { run_id });
  await world.owner.query("select pg_sleep(0.02)"); // the retry's time has come, by the database's clock
  await tick(world);
  expect(await claimSome(world, executor, { run_id })).toEqual([]);
  expect(await statusOf(world, run_id)).toBe("canceled");
});

test("a claim whose answer was lost is taken up again by the same executor when its lease has ended", async () => {
  const run_id = await aRun(world, tenant);
  await call(world, executor, "claim_runs", { run_id }); // this answer never arrived
  expect(await claimSome(world, executor, { run_id })).toEqual([]);
  await expireLease(world, run_id);
  const claim = await aClaim(world, executor, { run_id }); // the claim sweeps by itself
  expect(claim.attempt).toBe(2);
  await finish(world, executor, claim);
});

test("only the scheduler, executors and admins sweep, each only what it sees", async () => {
  const other = await aTenant(world);
  const theirs = await anExecutor(world, other);
  const run_id = await aRun(world, other);
  await aClaim(world, theirs, { run_id });
  await expireLease(world, run_id);
  expect(await call(world, executor, "requeue_stale_runs", {})).toEqual({ requeued: 0, ended: 0 });
  expect(await call(world, theirs, "requeue_stale_runs", { stale_minutes: 5 })).toEqual({ requeued: 0, ended: 0 });
  expect(await call(world, other.api, "requeue_stale_runs", {})).toEqual({ requeued: 1, ended: 0 });
  expect((await refusal(call(world, tenant.api, "tick", {}))).code).toBe("forbidden");
  expect(await call(world, { token: cronSecret }, "requeue_stale_runs", {})).toEqual({ requeued: 0, ended: 0 });
});

// Whoever comes first decides; whoever comes second is told; nothing is half done, whatever the interleaving.
test("sweep, complete, fail, release, cancel and heartbeat at once leave one outcome", async () => {
  const actors = fc.uniqueArray(fc.constantFrom("sweep", "tick", "claim", "complete", "fail", "release", "cancel", "heartbeat"), { minLength: 2, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(actors, fc.boolean(), fc.boolean(), async (names, expired, gated) => {
      const run_id = await aRun(world, tenant, { spec_text: specText([]), ...(gated ? { concurrency_key: "race" } : {}) });
      const claim = await aClaim(world, executor, { run_id });
      await call(world, executor, "start_run", claim.lease);
      if (expired) await expireLease(world, run_id);
      const acts: Record<string, () => Promise<unknown>> = {
        sweep: () => call(world, executor, "requeue_stale_runs", {}),
        tick: () => tick(world),
        claim: async () => {
          for (const other of await claimSome(world, executor, { run_id })) await call(world, executor, "release_run", leaseOf(other));
        },
        complete: () => call(world, executor, "complete_run", claim.lease),
        fail: () => call(world, executor, "fail_run", { ...claim.lease, error_code: "sql_error", error_message: "no", permanent: true }),
        release: () => call(world, executor, "release_run", claim.lease),
        cancel: () => call(world, tenant.api, "cancel_run", { run_id }),
        heartbeat: () => call(world, executor, "heartbeat_run", claim.lease),
      };
      const ends = await Promise.allSettled(names.map((name) => acts[name]?.()));
      for (const end of ends) if (end.status === "rejected") expect(["lease_lost", "run_finished"]).toContain((end.reason as Error).message);
      const status = await statusOf(world, run_id);
      if (expired) expect(status).not.toBe("succeeded");
      if (status === "running") await call(world, executor, "complete_run", claim.lease).catch((error: Error) => expect(error.message).toBe("lease_lost"));
      await expireLease(world, run_id);
      await call(world, tenant.api, "cancel_run", { run_id }).catch((error: Error) => expect(error.message).toBe("run_finished"));
      await tick(world);
      expect(["succeeded", "failed", "canceled"]).toContain(await statusOf(world, run_id));
    }),
    { numRuns: 60 },
  );
  expect(await brokenInvariants(world)).toEqual([]);
});

test("the store's object is not needed to lose a lease: artifacts of a zombie are refused with their bytes there", async () => {
  const object = await anObject(world, tenant.environment_id, "late");
  const run_id = await aRun(world, tenant);
  const claim = await aClaim(world, executor, { run_id });
  await expireLease(world, run_id);
  expect((await refusal(call(world, executor, "register_artifact", { ...claim.lease, artifact: { name: "late.txt", kind: "log", content_type: "text/plain", ...object } }))).code).toBe("lease_lost");
});
