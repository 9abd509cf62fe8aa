/**
 * What went wrong in other control planes, each as a test of this one. The issues are named where they are public; what they
 * tell is retold in our own terms.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { runLoop } from "../../executors/core/loop.ts";
import type { PhaseContext, PhaseRegistry, PhaseResult } from "../../executors/core/phase.ts";
import { rpcTransport } from "../../executors/core/rpc-transport.ts";
import { openScratch } from "../../executors/storage/scratch.ts";
import { openRestDoor } from "./support/rest-door.ts";
import { aClaim, anExecutor, aRun, aTenant, brokenInvariants, call, claimSome, eventTypes, expireLease, finish, openWorld, refusal, specText, statusOf, tick, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await openWorld(12);
});
beforeEach(async () => {
  tenant = await aTenant(world);
});
afterAll(() => world?.drop());

const failing = (lease: { run_id: string; lease_token: string }, retry_after_seconds: number) => ({ ...lease, error_code: "sql_error", error_message: "no", retry_after_seconds });
const gateHolders = async (): Promise<number> =>
  (await world.owner.query("select count(*)::int as n from ops_private.lease_gates as l join ops.runs as r using (run_id) where r.environment_id = $1", [tenant.environment_id])).rows[0].n;

// A run that crashed, or was stopped before it began, kept its concurrency slot for ever: slots were a counter that somebody had to give back.
test("Prefect #17415: a slot comes back whatever becomes of the run that held it", async () => {
  const ends: Record<string, (claim: Awaited<ReturnType<typeof aClaim>>, executor: { token: string }) => Promise<unknown>> = {
    "its executor dies before it begins": async ({ lease }) => { await expireLease(world, lease.run_id); await tick(world); },
    "its executor dies in a phase": async ({ lease }, executor) => {
      await call(world, executor, "start_run", lease);
      await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "running" } });
      await expireLease(world, lease.run_id);
      await tick(world);
    },
    "it is canceled and its executor dies": async ({ lease }) => { await call(world, tenant.api, "cancel_run", { run_id: lease.run_id }); await expireLease(world, lease.run_id); await tick(world); },
    "it fails and waits for its retry": ({ lease }, executor) => call(world, executor, "fail_run", failing(lease, 3600)),
    "it is given back": async ({ lease }, executor) => { await call(world, executor, "release_run", lease); await call(world, tenant.api, "cancel_run", { run_id: lease.run_id }); },
    "it fails for good": ({ lease }, executor) => call(world, executor, "fail_run", { ...failing(lease, 0), permanent: true }),
  };
  for (const [how, end] of Object.entries(ends)) {
    const executor = await anExecutor(world, tenant);
    const key = { concurrency_key: how, concurrency_limit: 1, max_attempts: 1 };
    const first = await aRun(world, tenant, { ...key, priority: 1, ...(how.includes("retry") ? { max_attempts: 2 } : {}) });
    const second = await aRun(world, tenant, key);
    const claim = await aClaim(world, executor, { run_id: first });
    expect(await claimSome(world, executor), how).toEqual([]);
    await end(claim, executor);
    const next = await claimSome(world, executor);
    expect(next.map((item) => item.run.run_id), how).toEqual([second]);
    await finish(world, executor, { ...next[0]!, lease: { run_id: second, lease_token: next[0]!.lease_token } });
  }
  expect(await gateHolders()).toBe(0);
  expect(await brokenInvariants(world)).toEqual([]);
});

// A task told to end by SIGTERM had its work destroyed, its handler returned as if nothing were wrong, and the task was recorded as a success.
test("Airflow #73006: a phase that returns quietly after it was told to stop has not succeeded", async () => {
  const door = await openRestDoor(world);
  const folder = mkdtempSync(join(tmpdir(), "peers-"));
  try {
    const { token } = await anExecutor(world, tenant);
    const run_id = await aRun(world, tenant, { spec_text: specText(["only"]), max_attempts: 1 });
    const told = new AbortController();
    let working = false;
    const work = async ({ signal }: PhaseContext): Promise<PhaseResult> => {
      working = true;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      return { output: { tables: [], facts: {} }, metrics: {} }; // as a handler that swallows its signal
    };
    const ended = runLoop({
      controlPlane: rpcTransport({ url: door.url, token, supabase_url: door.url, publishable_key: "unused" }), scratch: await openScratch(folder), signal: told.signal, log: () => undefined,
      registry: { ingest: work, validate: work, transform: work, publish: work, query: work } as unknown as PhaseRegistry,
      settings: { lake: "file:/lake", engines: ["duckdb"], lease_seconds: 30, queues: ["default"], labels: [], slots: 1, phase_parallelism: 1, memory_mb: 256, threads: 1, drain_seconds: 0, connections: new Map() },
    });
    await vi.waitUntil(() => working, { timeout: 20_000, interval: 20 });
    told.abort(new Error("SIGTERM"));
    expect(await ended).toMatchObject({ released: 1, succeeded: 0 });
    expect(await statusOf(world, run_id)).toBe("queued");
    const events = await eventTypes(world, run_id);
    expect(events).not.toContain("PHASE_SUCCEEDED");
    expect(events).not.toContain("RUN_SUCCEEDED");
  } finally {
    await door.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

// A run canceled while it waited for its retry stayed half dead with its slot; when the retry's time came, it ran and succeeded.
test("Kestra #19683: a run canceled while it waits for its retry ends at once, frees its slot and is never revived", async () => {
  const executor = await anExecutor(world, tenant);
  const key = { concurrency_key: "one", concurrency_limit: 1 };
  const run_id = await aRun(world, tenant, { ...key, priority: 1 });
  const claim = await aClaim(world, executor, { run_id });
  await call(world, executor, "fail_run", failing(claim.lease, 3600));
  const behind = await aRun(world, tenant, key);
  expect((await call(world, tenant.api, "cancel_run", { run_id })).status).toBe("canceled");
  // The retry's time comes, for whoever may have noted it.
  await expect(world.owner.query("update ops.runs set not_before = now() - interval '1 second' where run_id = $1", [run_id])).rejects.toMatchObject({ constraint: "only_a_queued_run_waits" });
  for (let turn = 0; turn < 3; turn += 1) await tick(world);
  expect((await claimSome(world, executor, { max_runs: 10 })).map((item) => item.run.run_id)).toEqual([behind]);
  expect((await refusal(call(world, executor, "start_run", claim.lease))).code).toBe("lease_lost");
  expect(await call(world, executor, "fail_run", failing(claim.lease, 0))).toMatchObject({ status: "queued" }); // what it was told then; it changes nothing
  expect(await statusOf(world, run_id)).toBe("canceled");
  expect((await eventTypes(world, run_id)).at(-1)).toBe("RUN_CANCELED");
});

// The rescuer read which jobs were stuck, a worker completed one of them, and the rescuer then wrote "to be retried" over the completed job.
test("river #1302: a sweep never resurrects a run that ends while it sweeps", async () => {
  const executor = await anExecutor(world, tenant);
  for (let round = 0; round < 12; round += 1) {
    const runs = await Promise.all(Array.from({ length: 4 }, () => aRun(world, tenant, { spec_text: specText([]), max_attempts: 5 })));
    const claims = await Promise.all(runs.map((run_id) => aClaim(world, executor, { run_id, lease_seconds: 1 })));
    await Promise.all(claims.map(({ lease }) => call(world, executor, "start_run", lease)));
    // The leases end within the next milliseconds, while completes and sweeps are on their way.
    await world.owner.query("update ops.leases set expires_at = clock_timestamp() + random() * interval '12 milliseconds' where run_id = any ($1::uuid[])", [runs]);
    const sweeps = Array.from({ length: 4 }, () => call(world, executor, "requeue_stale_runs", {}));
    const completes = claims.map(({ lease }) => call(world, executor, "complete_run", lease).then(({ status }) => status, (error: Error) => error.message));
    const answers = await Promise.all(completes);
    await Promise.all(sweeps);
    await call(world, executor, "requeue_stale_runs", {});
    for (const [index, answer] of answers.entries()) {
      const run_id = runs[index]!;
      expect(["succeeded", "lease_lost"]).toContain(answer);
      expect(await statusOf(world, run_id)).toBe(answer === "succeeded" ? "succeeded" : "queued");
      expect((await eventTypes(world, run_id)).includes("LEASE_EXPIRED")).toBe(answer !== "succeeded");
      if (answer !== "succeeded") await call(world, tenant.api, "cancel_run", { run_id });
    }
  }
  expect(await brokenInvariants(world)).toEqual([]);
});

// A worker that had been given up finished its task all the same, and its result was taken although another worker was at it.
test("pgflow: the result of a worker that was given up is not taken, before, while and after another one works", async () => {
  const [zombie, heir] = [await anExecutor(world, tenant), await anExecutor(world, tenant)];
  const run_id = await aRun(world, tenant, { spec_text: specText(["only"]) });
  const old = await aClaim(world, zombie, { run_id });
  await call(world, zombie, "start_run", old.lease);
  await call(world, zombie, "set_phase", { ...old.lease, name: "only", patch: { status: "running" } });
  const results = async (): Promise<void> => {
    const succeeded = { ...old.lease, name: "only", patch: { status: "succeeded" as const, output_sha256: "0".repeat(64) } };
    expect((await refusal(call(world, zombie, "set_phase", succeeded))).code).toBe("lease_lost");
    expect((await refusal(call(world, zombie, "append_events", { ...old.lease, events: [{ event_id: randomUUID(), type: "NOTE" }] }))).code).toBe("lease_lost");
    expect((await refusal(call(world, zombie, "complete_run", { ...old.lease, output_manifest: { by: "zombie" } }))).code).toBe("lease_lost");
    expect((await refusal(call(world, zombie, "fail_run", failing(old.lease, 0)))).code).toBe("lease_lost");
  };
  await expireLease(world, run_id);
  await results();
  await tick(world);
  await results();
  const fresh = await aClaim(world, heir, { run_id });
  expect(BigInt(fresh.fence)).toBeGreaterThan(BigInt(old.fence));
  await results();
  await finish(world, heir, fresh);
  await results();
  const { rows } = await world.owner.query("select status, output_manifest, executor_id from ops.runs where run_id = $1", [run_id]);
  expect(rows).toEqual([{ status: "succeeded", output_manifest: {}, executor_id: heir.executor_id }]);
});
