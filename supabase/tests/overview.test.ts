import { afterAll, beforeAll, expect, test } from "vitest";
import { overview, type Overview } from "../../contracts/overview.ts";
import { aClaim, anExecutor, aRun, aTenant, call, finish, openWorld, refusal, specText, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(4);
});
afterAll(() => world?.drop());

const hourMs = 3_600_000;
const at = (hours: number) => new Date(Math.floor(Date.now() / hourMs) * hourMs + hours * hourMs).toISOString();
/** The hour before this one, this one and the next. */
const read = async (tenant: Tenant, from = -1, to = 2): Promise<Overview> => overview.parse(await call(world, tenant.api, "read_overview", { environment_id: tenant.environment_id, from_at: at(from), to_at: at(to), step_seconds: 3600 }));

async function ended(tenant: Tenant, executor: Awaited<ReturnType<typeof anExecutor>>, how: "succeeded" | "failed", request: Record<string, unknown> = { spec_text: specText(["work"]) }): Promise<string> {
  const run_id = await aRun(world, tenant, request);
  const claim = await aClaim(world, executor, { run_id });
  if (how === "succeeded") await finish(world, executor, claim);
  else await call(world, executor, "fail_run", { ...claim.lease, error_code: "sql_error", error_message: "no such column", permanent: true });
  return run_id;
}
const sum = (found: Overview, status: "queued" | "succeeded" | "failed") => found.steps.reduce((all, step) => all + (step.runs[status] ?? 0), 0);

test("every run is counted once, in the step in which it was made, and again only in the range after", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await ended(tenant, executor, "succeeded");
  await ended(tenant, executor, "failed");
  await aRun(world, tenant);
  const found = await read(tenant);
  expect(found.steps.map((step) => Date.parse(step.starts_at))).toEqual([-1, 0, 1].map((hour) => Date.parse(at(hour))));
  expect([sum(found, "queued"), sum(found, "succeeded"), sum(found, "failed")]).toEqual([1, 1, 1]);
  expect(found.before).toEqual({});
  expect(found.times).toMatchObject({ runs: 1, p50: expect.any(Number), wait_p50: expect.any(Number) });
  expect((await read(tenant, 2, 5)).before).toEqual({ queued: 1, succeeded: 1, failed: 1 });
  expect((await read(await aTenant(world, tenant))).before).toEqual({});
});

test("a pipeline fails until a later run of it succeeds, an inline spec until a run that repeats it does", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "nightly") });
  const nightly = { template_key: "nightly", spec_text: undefined };
  await ended(tenant, executor, "failed", nightly);
  const last = await ended(tenant, executor, "failed", nightly);
  const inline = await ended(tenant, executor, "failed", { spec_text: specText(["work"], "by_hand") });
  expect((await read(tenant)).failing).toMatchObject([{ run_id: inline, template_key: null, failures: 1 }, { run_id: last, spec_slug: "nightly", failures: 2, error_code: "sql_error" }]);
  await ended(tenant, executor, "succeeded", nightly);
  await ended(tenant, executor, "succeeded", { spec_text: specText(["work"], "by_hand") });
  expect((await read(tenant)).failing.map((each) => each.run_id)).toEqual([inline]);
  const repeat = await call(world, tenant.api, "retry_run", { run_id: inline });
  await finish(world, executor, await aClaim(world, executor, { run_id: repeat.run_id }));
  expect((await read(tenant)).failing).toEqual([]);
});

test("a range without a step, with more than 100, or of another tenant is refused", async () => {
  const [mine, theirs] = [await aTenant(world), await aTenant(world)];
  const ask = (more: object) => refusal(call(world, mine.api, "read_overview", { environment_id: mine.environment_id, from_at: at(-1), to_at: at(1), step_seconds: 3600, ...more }));
  for (const wrong of [{ to_at: at(-1) }, { step_seconds: 0 }, { step_seconds: 60 }]) expect((await ask(wrong)).code).toBe("invalid_input");
  expect((await ask({ environment_id: theirs.environment_id })).code).toBe("not_found");
});
