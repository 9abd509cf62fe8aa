import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, brokenInvariants, call, claimSome, finish, newToken, openWorld, refusal, statusOf, tick, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await openWorld(12);
});
afterAll(() => world?.drop());
beforeEach(async () => {
  tenant = await aTenant(world);
});

const aDay = () => new Date(Date.now() + 86_400_000).toISOString();
const create = (name: string, by = tenant.api) => call(world, by, "create_executor", { project_id: tenant.project_id, name, environments: ["dev"] });
async function withToken(executor_id: string, more: { overlap_seconds?: number } = {}) {
  const { token, hash } = newToken("lcx_");
  const made = await call(world, tenant.api, "create_executor_token", { executor_id, token_sha256: hash.toString("hex"), prefix: token.slice(0, 12), expires_at: aDay(), ...more });
  return { token, ...made };
}
const works = (by: { token: string }) => call(world, by, "whoami", {}).then(() => true, (error: Error) => error.message === "token_invalid" ? false : Promise.reject(error));

test("a new executor claims with its token, in its environments and nowhere else", async () => {
  await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod')", [tenant.project_id]);
  const made = await create("worker 1");
  expect(made).toMatchObject({ name: "worker 1", status: "offline", allowed_queues: null, environments: [{ environment_id: tenant.environment_id, slug: "dev" }], active_runs: 0 });
  const executor = await withToken(made.executor_id);
  const run_id = await aRun(world, tenant);
  await call(world, tenant.api, "update_executor", { executor_id: made.executor_id, patch: { environments: ["prod"] } });
  expect(await claimSome(world, executor)).toEqual([]);
  await call(world, tenant.api, "update_executor", { executor_id: made.executor_id, patch: { environments: ["dev", "prod"], name: "worker one" } });
  expect((await aClaim(world, executor, { run_id })).run.run_id).toBe(run_id);
  for (const environments of [["nowhere"], []]) expect((await refusal(call(world, tenant.api, "update_executor", { executor_id: made.executor_id, patch: { environments } }))).code).toBe("not_found");
});

test("what an executor holds in an environment that is taken from it ends at once, and another goes on with it", async () => {
  await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod')", [tenant.project_id]);
  const suspect = await anExecutor(world, tenant);
  const run_id = await aRun(world, tenant);
  const { lease } = await aClaim(world, suspect, { run_id });
  await call(world, tenant.api, "update_executor", { executor_id: suspect.executor_id, patch: { environments: ["prod"] } });
  expect((await refusal(call(world, suspect, "heartbeat_run", lease))).code).toBe("not_found"); // it sees the run no more
  await tick(world);
  expect((await aClaim(world, await anExecutor(world, tenant), { run_id })).attempt).toBe(2);
});

test("an executor claims only from the queues that an admin lets it, whatever it asks for", async () => {
  const { executor_id } = await create("scoped");
  const executor = await withToken(executor_id);
  const [secret, open] = [await aRun(world, tenant, { queue: "secret" }), await aRun(world, tenant, { queue: "open" })];
  expect(await call(world, tenant.api, "update_executor", { executor_id, patch: { allowed_queues: ["open", "default"] } })).toMatchObject({ allowed_queues: ["open", "default"] });
  expect(await claimSome(world, executor, { queues: ["secret"] })).toEqual([]);
  expect(await claimSome(world, executor, { run_id: secret, queues: ["secret", "open"] })).toEqual([]);
  expect((await claimSome(world, executor, { max_runs: 5, queues: ["secret", "open"] })).map((claim) => claim.run.run_id)).toEqual([open]);
  await call(world, tenant.api, "update_executor", { executor_id, patch: { allowed_queues: null } });
  expect((await claimSome(world, executor, { queues: ["secret"] })).map((claim) => claim.run.run_id)).toEqual([secret]);
  for (const allowed_queues of [[], ["No Word"]]) expect((await refusal(call(world, tenant.api, "update_executor", { executor_id, patch: { allowed_queues } }))).code).toBe("invalid_input");
});

test("one name, one executor: of eight that are made at once one is", async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => create("same")));
  expect(results.filter((each) => each.status === "fulfilled")).toHaveLength(1);
  for (const each of results) if (each.status === "rejected") expect((each.reason as Error).message).toBe("conflict");
  const other = await create("other");
  expect((await refusal(call(world, tenant.api, "update_executor", { executor_id: other.executor_id, patch: { name: "same" } }))).code).toBe("conflict");
});

test("a rotation lets the old token work for its overlap and no longer; a revoked one is void at once", async () => {
  const { executor_id } = await create("rotating");
  const first = await withToken(executor_id);
  const second = await withToken(executor_id, { overlap_seconds: 60 });
  expect([await works(first), await works(second)]).toEqual([true, true]);
  const { rows } = await world.owner.query("select extract(epoch from expires_at - now())::float as left from ops.executor_tokens where executor_token_id = $1", [first.executor_token_id]);
  expect(rows[0].left).toBeLessThanOrEqual(60);
  expect(rows[0].left).toBeGreaterThan(30);
  const third = await withToken(executor_id, { overlap_seconds: 0 });
  expect([await works(first), await works(second), await works(third)]).toEqual([false, false, true]);
  const token = { executor_id, executor_token_id: third.executor_token_id };
  const revoked = await call(world, tenant.api, "revoke_executor_token", token);
  expect(await call(world, tenant.api, "revoke_executor_token", token)).toEqual(revoked);
  expect(await works(third)).toBe(false);
  for (const expires_at of [new Date(Date.now() - 1000).toISOString(), "2099-01-01T00:00:00Z"]) {
    expect((await refusal(call(world, tenant.api, "create_executor_token", { executor_id, token_sha256: "0".repeat(64), prefix: "lcx_abcd", expires_at }))).code).toBe("invalid_input");
  }
});

test("of twenty tokens asked for at once an executor gets ten, and the database keeps none of them", async () => {
  const { executor_id } = await create("many");
  const made = await Promise.allSettled(Array.from({ length: 20 }, () => withToken(executor_id)));
  const tokens = made.flatMap((each) => (each.status === "fulfilled" ? [each.value.token] : []));
  expect(tokens).toHaveLength(10);
  const kept = JSON.stringify((await world.owner.query("select * from ops.audit_log where project_id = $1", [tenant.project_id])).rows) + JSON.stringify((await world.owner.query("select * from ops.executor_tokens where executor_id = $1", [executor_id])).rows);
  for (const token of tokens) expect(kept).not.toContain(token);
});

test("a draining executor gets nothing new and finishes what it has; the comment says why; undrained it works again", async () => {
  const { executor_id } = await create("draining");
  const executor = await withToken(executor_id);
  const [held, waiting] = [await aRun(world, tenant), await aRun(world, tenant)];
  const claim = await aClaim(world, executor, { run_id: held });
  const patch = { draining: true, drain_comment: "disk is being replaced" };
  expect(await call(world, tenant.api, "update_executor", { executor_id, patch })).toMatchObject({ status: "draining", drain_comment: "disk is being replaced", active_runs: 1 });
  const again = await call(world, tenant.api, "update_executor", { executor_id, patch: { draining: true } });
  expect(again.drain_comment).toBe("disk is being replaced");
  expect(await claimSome(world, executor)).toEqual([]);
  expect(await call(world, executor, "heartbeat_executor", { executor_id })).toMatchObject({ status: "draining", drain_comment: "disk is being replaced" });
  await finish(world, executor, claim);
  expect(await statusOf(world, held)).toBe("succeeded");
  expect(await call(world, tenant.api, "update_executor", { executor_id, patch: { draining: false } })).toMatchObject({ draining_since: null, drain_comment: null });
  expect((await claimSome(world, executor))[0]?.run.run_id).toBe(waiting);
});

test("a deleted executor is out at once: its runs go to others, its history stays, its name is free", async () => {
  const { executor_id } = await create("leaving");
  const leaving = await withToken(executor_id);
  const stays = await anExecutor(world, tenant);
  const runs = await Promise.all(Array.from({ length: 20 }, () => aRun(world, tenant)));
  // Eight claim, write and renew in the very moment.
  const claims = await Promise.all(Array.from({ length: 8 }, () => aClaim(world, leaving, { lease_seconds: 600 })));
  const racing = Promise.allSettled([...claims.map(({ lease }) => call(world, leaving, "heartbeat_run", lease)), ...Array.from({ length: 8 }, () => call(world, leaving, "claim_runs", { lease_seconds: 1 }))]);
  await call(world, tenant.api, "delete_executor", { executor_id });
  await racing;
  expect(await works(leaving)).toBe(false);
  expect((await refusal(call(world, leaving, "complete_run", (claims[0] as (typeof claims)[number]).lease))).code).toBe("token_invalid");
  expect((await refusal(call(world, tenant.api, "delete_executor", { executor_id }))).code).toBe("not_found");
  expect((await refusal(call(world, tenant.api, "create_executor_token", { executor_id, token_sha256: "1".repeat(64), prefix: "lcx_abcd", expires_at: aDay() }))).code).toBe("not_found");
  await expect.poll(async () => {
    await tick(world);
    for (const claim of await claimSome(world, stays, { max_runs: 20 })) await finish(world, stays, { ...claim, lease: { run_id: claim.run.run_id, lease_token: claim.lease_token } });
    return (await world.owner.query("select count(*)::int as n from ops.runs where run_id = any ($1) and status <> 'succeeded'", [runs])).rows[0].n;
  }, { timeout: 20_000 }).toBe(0);
  expect(await brokenInvariants(world)).toEqual([]);
  expect((await world.owner.query("select from ops.run_events where data ->> 'executor_id' = $1", [executor_id])).rowCount).toBeGreaterThan(0);
  expect((await create("leaving")).executor_id).not.toBe(executor_id);
});

test("only an admin of the whole project manages executors, only the executor itself says that it lives, and the audit log names who did what", async () => {
  const { executor_id } = await create("audited");
  const executor = await withToken(executor_id);
  const stranger = await aTenant(world);
  const other = await anExecutor(world, tenant);
  await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod')", [tenant.project_id]);
  const weak = [await anApiToken(world, tenant.project_id, "editor"), await anApiToken(world, tenant.project_id, "admin", tenant.environment_id), executor];
  for (const [callers, code] of [[weak, "forbidden"], [[stranger.api], "not_found"]] as const) {
    for (const caller of callers) {
      expect((await refusal(create("mine", caller))).code).toBe(code);
      expect((await refusal(call(world, caller, "update_executor", { executor_id, patch: { draining: true } }))).code).toBe(code);
      expect((await refusal(call(world, caller, "delete_executor", { executor_id }))).code).toBe(code);
      expect((await refusal(call(world, caller, "create_executor_token", { executor_id, token_sha256: "2".repeat(64), prefix: "lcx_abcd", expires_at: aDay() }))).code).toBe(code);
      expect((await refusal(call(world, caller, "revoke_executor_token", { executor_id, executor_token_id: executor.executor_token_id }))).code).toBe(code);
    }
  }
  for (const caller of [other, tenant.api]) expect((await refusal(call(world, caller, "heartbeat_executor", { executor_id }))).code).toBe("forbidden");
  expect(await call(world, executor, "heartbeat_executor", { executor_id, version: "1.2.3", hostname: "host-1" })).toMatchObject({ status: "online" });
  await call(world, tenant.api, "update_executor", { executor_id, patch: { draining: true, drain_comment: "why" } });
  await call(world, tenant.api, "update_executor", { executor_id, patch: { draining: true } });
  await call(world, tenant.api, "delete_executor", { executor_id });
  const { rows } = await world.owner.query("select action, actor_type from ops.audit_log where object_type = 'executor' and object_id = $1 order by audit_id", [executor_id]);
  expect(rows.map((row) => `${row.actor_type} ${row.action}`)).toEqual(["token executor.created", "token executor.token_created", "token executor.changed", "token executor.deleted"]);
});
