import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import { explanation } from "../../contracts/explain.ts";
import { aClaim, anExecutor, aRun, aTenant, call, claimSome, expireLease, finish, openWorld, refusal, specText, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(8);
});
afterAll(() => world?.drop());

const explain = async (tenant: Tenant, run_id: string) => explanation.parse(await call(world, tenant.api, "explain_run", { run_id })).reasons;
const rulesOf = async (tenant: Tenant, run_id: string) => (await explain(tenant, run_id)).map((reason) => reason.rule);
/** An executor that was just here, with these queues and labels. */
async function anOnlineExecutor(tenant: Tenant, queues = ["default"], labels: string[] = []) {
  const executor = await anExecutor(world, tenant);
  await call(world, executor, "claim_runs", { queues, labels, run_id: tenant.project_id });
  return executor;
}

test("the next run of its lane is ready; those behind it say how many are before them", async () => {
  const tenant = await aTenant(world);
  await anOnlineExecutor(tenant);
  const runs = [await aRun(world, tenant), await aRun(world, tenant), await aRun(world, tenant, { priority: 1 })];
  expect(await rulesOf(tenant, runs[2]!)).toEqual(["ready"]);
  expect((await explain(tenant, runs[1]!))[0]).toMatchObject({ rule: "queue_position", row: { kind: "lane", ahead: 2 } });
});

test("a run at a full gate names the gate and the runs that hold it", async () => {
  const tenant = await aTenant(world);
  const executor = await anOnlineExecutor(tenant);
  const holder = await aRun(world, tenant, { concurrency_key: "orders" });
  const claim = await aClaim(world, executor);
  const waiting = await aRun(world, tenant, { concurrency_key: "orders" });
  const [reason] = await explain(tenant, waiting);
  expect(reason).toMatchObject({ rule: "gate", row: { kind: "gate", gate_kind: "concurrency", key: "orders", waits_here: true, held_by: [{ run_id: holder }] } });
  expect(reason?.detail).toBe("At most 1 of orders may be active at once, and 1 are.");
  await finish(world, executor, claim);
  expect(await rulesOf(tenant, waiting)).toEqual(["ready"]);
});

test("a cap says what is used, reserved and when it resets; a rate says when the next start is", async () => {
  const tenant = await aTenant(world);
  const executor = await anOnlineExecutor(tenant);
  const cap = await call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key: "daily", unit: "runs", period: "day", limit_amount: "2" } });
  for (let n = 0; n < 3; n++) await aRun(world, tenant, { caps: [{ key: "daily" }] });
  await finish(world, executor, await aClaim(world, executor));
  await aClaim(world, executor);
  const waiting = (await world.owner.query("select run_id from ops.runs where environment_id = $1 and status = 'queued'", [tenant.environment_id])).rows[0].run_id as string;
  expect((await explain(tenant, waiting))[0]).toMatchObject({ rule: "cap", row: { cap_id: cap.cap_id, used: "1", reserved: "1", limit_amount: "2", resets_at: cap.resets_at } });
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: canonicalJson({ ...JSON.parse(specText(["work"], "paced")), limits: { max_starts: 1, per_seconds: 3600 } }) });
  const template = { spec_text: undefined, template_key: "paced" };
  await aRun(world, tenant, template);
  await aClaim(world, executor);
  expect((await explain(tenant, await aRun(world, tenant, template)))[0]).toMatchObject({ rule: "rate", row: { kind: "gate", start_seconds: 3600 } });
});

test("no executor, none online, another queue, a missing label, all draining: each is told apart", async () => {
  const tenant = await aTenant(world);
  const run = await aRun(world, tenant, { queue: "nightly", labels: ["gpu", "big"] });
  const detail = async () => (await explain(tenant, run)).find((reason) => reason.rule === "executors");
  expect((await detail())?.detail).toBe("No executor serves this environment.");
  await anExecutor(world, tenant);
  expect((await detail())?.detail).toContain("is online");
  await anOnlineExecutor(tenant);
  expect((await detail())?.row).toMatchObject({ queue: "nightly", queues: ["default"] });
  // One of another project that works here too: that it is there counts, what else it serves is not told.
  const elsewhere = await aTenant(world, tenant);
  const lent = await anOnlineExecutor(elsewhere, ["their_secret_project"]);
  await world.owner.query("insert into ops.executor_environments values ($1, $2)", [lent.executor_id, tenant.environment_id]);
  expect(await detail()).toMatchObject({ detail: "No executor that is online serves the queue nightly; they serve default.", row: { queues: ["default"] } });
  await anOnlineExecutor(tenant, ["nightly"]);
  await anOnlineExecutor(tenant, ["nightly"], ["gpu"]);
  expect((await detail())?.row).toMatchObject({ missing_labels: ["big"] });
  const fit = await anOnlineExecutor(tenant, ["nightly"], ["gpu", "big", "eu"]);
  expect(await detail()).toBeUndefined();
  await world.owner.query("update ops.executors set draining_since = now() where executor_id = $1", [fit.executor_id]);
  expect((await detail())?.detail).toBe("Every executor that could take it is draining.");
});

test("waiting for its time, for a retry, before an expiry; active with its lease, canceled, dead and finished: the reason is named", async () => {
  const tenant = await aTenant(world);
  const executor = await anOnlineExecutor(tenant);
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  expect(await rulesOf(tenant, await aRun(world, tenant, { run_after: soon, expires_at: new Date(Date.now() + 7_200_000).toISOString() }))).toEqual(["run_after", "expires_at"]);
  expect((await rulesOf(tenant, await aRun(world, tenant, { expires_at: new Date(Date.now() - 1000).toISOString() })))[0]).toBe("expired");
  await claimSome(world, executor);
  const run = await aRun(world, tenant);
  const first = await aClaim(world, executor, { run_id: run });
  await call(world, executor, "fail_run", { ...first.lease, error_code: "x", error_message: "x", retry_after_seconds: 100 });
  expect(await rulesOf(tenant, run)).toEqual(["backoff"]);
  await world.owner.query("update ops.runs set not_before = clock_timestamp() where run_id = $1", [run]);
  await claimSome(world, executor, { run_id: run });
  const [held] = await explain(tenant, run);
  expect(held).toMatchObject({ rule: "lease_held", row: { kind: "lease", executor_id: executor.executor_id, attempt: 2 } });
  await call(world, tenant.api, "cancel_run", { run_id: run });
  expect(await rulesOf(tenant, run)).toEqual(["cancel_requested", "lease_held"]);
  await expireLease(world, run);
  expect(await rulesOf(tenant, run)).toEqual(["cancel_requested", "lease_expired"]);
  await claimSome(world, executor);
  expect(await rulesOf(tenant, run)).toEqual(["finished"]);
});

test("a run of a project that has more than its share says so", async () => {
  const [tenant] = [await aTenant(world)];
  const other = await aTenant(world, tenant);
  const executor = await anOnlineExecutor(tenant);
  await world.owner.query("insert into ops.executor_environments values ($1, $2)", [executor.executor_id, other.environment_id]);
  for (let n = 0; n < 3; n++) await aRun(world, tenant);
  await claimSome(world, executor, { max_runs: 2 });
  await aRun(world, other);
  const waiting = (await world.owner.query("select run_id from ops.runs where environment_id = $1 and status = 'queued'", [tenant.environment_id])).rows[0].run_id as string;
  expect((await explain(tenant, waiting))[0]).toMatchObject({ rule: "fair_share", row: { project_id: tenant.project_id, live: 2, projects_before: 1 } });
});

test("a run of another tenant is not found, nor is one that is nowhere", async () => {
  const [mine, theirs] = [await aTenant(world), await aTenant(world)];
  const run_id = await aRun(world, theirs);
  expect((await refusal(call(world, mine.api, "explain_run", { run_id }))).code).toBe("not_found");
  expect((await refusal(call(world, mine.api, "explain_run", { run_id: mine.project_id }))).code).toBe("not_found");
});

test("for every run in any world the answer is not empty, and every reason names its row", async () => {
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const arbitraryRun = fc.record({
    priority: fc.constantFrom(0, 100), queue: fc.constantFrom("default", "nightly"), labels: fc.constantFrom([], ["gpu"]), concurrency_key: maybe(fc.constantFrom("a", "b")),
    caps: maybe(fc.constantFrom([{ key: "k" }], [{ key: "k" }, { key: "m", amount: 7 }], [{ key: "unheard_of" }])), after: maybe(fc.constantFrom(-5, 3600)), expires: maybe(fc.constantFrom(-5, 7200)), debounce_key: maybe(fc.constant("d")), timeout_seconds: maybe(fc.constant(60)),
  });
  const in_ = (seconds: number | undefined) => (seconds === undefined ? undefined : new Date(Date.now() + seconds * 1000).toISOString());
  await fc.assert(fc.asyncProperty(fc.array(arbitraryRun, { minLength: 1, maxLength: 12 }), fc.array(fc.constantFrom("claim", "release", "fail", "cancel", "die", "drain", "executor"), { maxLength: 12 }), async (wanted, steps) => {
    const tenant = await aTenant(world);
    await call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key: "k", unit: "runs", period: "hour", limit_amount: "2" } });
    await call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key: "m", unit: "rows", period: "day", limit_amount: "10" } });
    const runs: string[] = [];
    for (const { after, expires, ...more } of wanted) runs.push(await aRun(world, tenant, { ...JSON.parse(JSON.stringify(more)), spec_text: specText(["work"]), ...(after === undefined ? {} : { run_after: in_(after) }), ...(expires === undefined ? {} : { expires_at: in_(expires) }) }));
    let executor: Awaited<ReturnType<typeof anExecutor>> | null = null;
    const held: { run_id: string; lease_token: string }[] = [];
    for (const [at, step] of steps.entries()) {
      if (step === "cancel") await call(world, tenant.api, "cancel_run", { run_id: runs[at % runs.length]! }).catch(() => undefined);
      if (step === "executor" || executor === null) executor = await anOnlineExecutor(tenant, at % 2 ? ["default", "nightly"] : ["default"], at % 3 ? ["gpu"] : []);
      if (step === "claim") held.push(...(await claimSome(world, executor, { queues: ["default", "nightly"], max_runs: 2 })).map((claim) => ({ run_id: claim.run.run_id, lease_token: claim.lease_token })));
      const lease = step === "release" || step === "fail" || step === "die" ? held.pop() : undefined;
      if (lease && step === "release") await call(world, executor, "release_run", lease).catch(() => undefined);
      if (lease && step === "fail") await call(world, executor, "fail_run", { ...lease, error_code: "x", error_message: "x" }).catch(() => undefined);
      if (lease && step === "die") await expireLease(world, lease.run_id);
      if (step === "drain") await world.owner.query("update ops.executors set draining_since = now() where executor_id = $1", [executor.executor_id]);
    }
    for (const run of runs) {
      for (const reason of await explain(tenant, run)) {
        expect(reason.detail).not.toBe("");
        expect(reason.remedy).not.toBe("");
        expect(reason.row["kind"]).toBeTypeOf("string");
      }
    }
  }), { numRuns: 25 });
});
