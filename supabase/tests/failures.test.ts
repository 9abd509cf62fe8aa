import { afterAll, beforeAll, expect, test } from "vitest";
import { failure, type Failure, type FailureState } from "../../contracts/failure.ts";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, call, finish, openWorld, refusal, specText, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(4);
});
afterAll(() => world?.drop());

async function ended(tenant: Tenant, executor: Awaited<ReturnType<typeof anExecutor>>, how: "succeeded" | "failed", request: Record<string, unknown> = { spec_text: specText(["work"]) }): Promise<string> {
  const run_id = await aRun(world, tenant, request);
  const claim = await aClaim(world, executor, { run_id });
  if (how === "succeeded") await finish(world, executor, claim);
  else await call(world, executor, "fail_run", { ...claim.lease, error_code: "sql_error", error_message: "no such column", permanent: true });
  return run_id;
}
const list = async (tenant: Tenant, state: FailureState = "open", as: Caller = tenant.api): Promise<Failure[]> => failure.array().parse(await call(world, as, "list_failures", { environment_id: tenant.environment_id, state }));
const ids = (found: Failure[]) => found.map(({ run_id }) => run_id);
const mark = (as: Caller, run_id: string, how: string, reason?: string) => call(world, as, "mark_failure", { run_id, mark: how as "waived", reason });
const audited = async (run_id: string) => (await world.owner.query("select action, after ->> 'reason' as reason from ops.audit_log where object_id = $1 and action like 'failure.%' order by created_at", [run_id])).rows;

test("a failed run stays in the inbox until its pipeline succeeds later, and a failure after that is there again", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "daily") });
  const daily = { template_key: "daily" };
  const first = await ended(tenant, executor, "failed", daily);
  const second = await ended(tenant, executor, "failed", daily);
  expect(ids(await list(tenant))).toEqual([second, first]);
  await ended(tenant, executor, "succeeded", daily);
  expect(await list(tenant)).toEqual([]);
  const third = await ended(tenant, executor, "failed", daily);
  expect(ids(await list(tenant))).toEqual([third]);
});

test("a failed run of an inline spec stays until a run that repeats it succeeds; another of the same name settles nothing", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const failed = await ended(tenant, executor, "failed");
  await ended(tenant, executor, "succeeded");
  expect(ids(await list(tenant))).toEqual([failed]);
  const { run_id } = await call(world, tenant.api, "retry_run", { run_id: failed, mode: "all" });
  await finish(world, executor, await aClaim(world, executor, { run_id }));
  expect(await list(tenant)).toEqual([]);
});

test("an acknowledgement or a waiver takes it out, says who and why in the audit log, and can be taken back", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const run_id = await ended(tenant, executor, "failed");
  await mark(tenant.api, run_id, "acknowledged");
  await mark(tenant.api, run_id, "acknowledged");
  expect(await list(tenant)).toEqual([]);
  expect(await list(tenant, "marked")).toMatchObject([{ run_id, mark: "acknowledged", reason: null, marked_by: expect.any(String) }]);
  await mark(tenant.api, run_id, "waived", "The source was being moved.");
  expect(await list(tenant, "marked")).toMatchObject([{ run_id, mark: "waived", reason: "The source was being moved." }]);
  await mark(tenant.api, run_id, "none");
  expect(ids(await list(tenant))).toEqual([run_id]);
  expect(await audited(run_id)).toEqual([{ action: "failure.acknowledged", reason: null }, { action: "failure.waived", reason: "The source was being moved." }, { action: "failure.reopened", reason: null }]);
});

test("a waiver without a reason, a run that did not fail, and a role that may only look are refused", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const failed = await ended(tenant, executor, "failed");
  const well = await ended(tenant, executor, "succeeded");
  expect((await refusal(mark(tenant.api, failed, "waived", "  "))).code).toBe("invalid_input");
  expect((await refusal(mark(tenant.api, failed, "forgotten"))).code).toBe("invalid_input");
  expect((await refusal(mark(tenant.api, well, "acknowledged"))).code).toBe("illegal_transition");
  const viewer = await anApiToken(world, tenant.project_id, "viewer");
  expect((await refusal(mark(viewer, failed, "acknowledged"))).code).toBe("forbidden");
  expect(ids(await list(tenant, "open", viewer))).toEqual([failed]);
  const other = await aTenant(world);
  expect((await refusal(mark(other.api, failed, "acknowledged"))).code).toBe("not_found");
  expect((await refusal(list(tenant, "open", other.api))).code).toBe("not_found");
});

test("what is marked no longer asks for attention on the overview", async () => {
  const tenant = await aTenant(world);
  const run_id = await ended(tenant, await anExecutor(world, tenant), "failed");
  const hour = 3_600_000;
  const overview = async () => ((await call(world, tenant.api, "read_overview", { environment_id: tenant.environment_id, from_at: new Date(Date.now() - hour).toISOString(), to_at: new Date(Date.now() + hour).toISOString(), step_seconds: 3600 })) as { failing: { run_id: string }[] }).failing;
  expect(await overview()).toMatchObject([{ run_id }]);
  await mark(tenant.api, run_id, "waived", "Known.");
  expect(await overview()).toEqual([]);
});
