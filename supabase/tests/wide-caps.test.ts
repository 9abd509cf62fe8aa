import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cap } from "../../contracts/cap.ts";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, brokenInvariants, call, claimSome, finish, leaseOf, openWorld, refusal, specText, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(30);
});
afterAll(() => world?.drop());

/** An organization with two projects, the first with two environments; its owner; an executor in each environment. */
async function anOrganization() {
  const first = await aTenant(world);
  const second = await aTenant(world, first);
  const { rows } = await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod') returning environment_id", [first.project_id]);
  const places: Tenant[] = [first, { ...first, environment_id: rows[0].environment_id }, second];
  await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'owner')", [first.user, first.organization_id]);
  return { first, second, places, owner: { user: first.user }, executors: await Promise.all(places.map((place) => anExecutor(world, place))) };
}
type Organization = Awaited<ReturnType<typeof anOrganization>>;
function aCap(organization: Organization, scope: "project" | "organization", cap_key: string, limit: number, more: Partial<Pick<Cap, "unit" | "period" | "time_zone">> = {}): Promise<Cap> {
  const over = scope === "project" ? { project_id: organization.first.project_id } : { organization_id: organization.first.organization_id };
  return call(world, organization.owner, "save_cap", { request: { ...over, cap_key, unit: "runs", period: "day", limit_amount: String(limit), ...more } });
}
const runsIn = (places: Tenant[], count: number, key: string) =>
  Promise.all(places.flatMap((place) => Array.from({ length: count }, () => aRun(world, place, { spec_text: specText(["work"]), caps: [{ key }], max_attempts: 1 }))));
const use = async (organization: Organization, cap: Cap) => {
  const { used, reserved } = await call(world, organization.owner, "get_cap", { cap_id: cap.cap_id });
  return { used: Number(used), reserved: Number(reserved) };
};

test("parallel claims in several environments and projects keep the caps of project and organization exactly", async () => {
  const its = await anOrganization();
  const caps = { organization: await aCap(its, "organization", "odoo", 17), project: await aCap(its, "project", "odoo", 9) };
  await runsIn(its.places, 12, "odoo");
  // Nothing parks them beforehand: the claims alone must hold the line.
  await world.owner.query("update ops.runs set blocked_gate = null, queue_reason = null where blocked_gate is not null");
  const taken = (await Promise.all(Array.from({ length: 60 }, (_, nth) => claimSome(world, its.executors[nth % 3]!)))).flat();
  expect(taken).toHaveLength(17);
  expect(await use(its, caps.organization)).toEqual({ used: 0, reserved: 17 });
  const inFirst = taken.filter((claim) => claim.run.project_id === its.first.project_id).length;
  expect(inFirst).toBeLessThanOrEqual(9);
  expect(await use(its, caps.project)).toEqual({ used: 0, reserved: inFirst });
  expect(await brokenInvariants(world)).toEqual([]);
});

test("claims, ends and releases in all environments at once never let a window hold more than its limit, and use is what ended", async () => {
  const its = await anOrganization();
  const caps = [await aCap(its, "organization", "api", 20), await aCap(its, "project", "api", 12)];
  await runsIn(its.places, 12, "api");
  const ended = new Map<string, number>();
  await Promise.all(its.executors.map(async (executor, nth) => {
    for (let turn = 0; turn < 8; turn++) {
      for (const claim of await claimSome(world, executor, { max_runs: 2 })) {
        if ((turn + nth) % 3 === 0) await call(world, executor, "release_run", leaseOf(claim));
        else {
          ended.set(claim.run.project_id, (ended.get(claim.run.project_id) ?? 0) + 1);
          await call(world, executor, "fail_run", { ...leaseOf(claim), error_code: "x", error_message: "x" });
        }
      }
      for (const cap of caps) {
        const now = await use(its, cap);
        expect(now.used + now.reserved).toBeLessThanOrEqual(Number(cap.limit_amount));
      }
    }
  }));
  const [inFirst, inSecond] = [ended.get(its.first.project_id) ?? 0, ended.get(its.second.project_id) ?? 0];
  expect((await use(its, caps[0]!)).used).toBe(inFirst + inSecond);
  expect((await use(its, caps[1]!)).used).toBe(inFirst);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a cap of an organization holds runs that were queued before it, says so, and lets them through when it is raised or deleted", async () => {
  const its = await anOrganization();
  const [waits] = await runsIn([its.places[1]!, its.second], 3, "late");
  const cap = await aCap(its, "organization", "late", 0, { time_zone: "Pacific/Auckland" });
  const { rows: [day] } = await world.owner.query("select date_trunc('day', clock_timestamp(), 'Pacific/Auckland') = $1::timestamptz as starts_there", [cap.window_starts_at]);
  expect(day).toEqual({ starts_there: true });
  for (const executor of its.executors) expect(await claimSome(world, executor, { max_runs: 10 })).toEqual([]);
  const explained = await call(world, its.first.api, "explain_run", { run_id: waits! });
  expect(explained.reasons.map((each) => each.rule)).toContain("cap");
  expect(explained.reasons.find((each) => each.rule === "cap")?.detail).toContain("of the organization");
  await call(world, its.owner, "save_cap", { request: { cap_id: cap.cap_id, limit_amount: "2" } });
  const [, prod, second] = its.executors;
  expect([...await claimSome(world, prod!, { max_runs: 10 }), ...await claimSome(world, second!, { max_runs: 10 })]).toHaveLength(2);
  await call(world, its.owner, "delete_cap", { cap_id: cap.cap_id });
  expect([...await claimSome(world, prod!, { max_runs: 10 }), ...await claimSome(world, second!, { max_runs: 10 })]).toHaveLength(4);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("when the window of a project's cap ends, runs of any of its environments go on, by a claim alone", async () => {
  const its = await anOrganization();
  const cap = await aCap(its, "project", "daily", 1);
  for (const place of its.places.slice(0, 2)) await runsIn([place], 1, "daily");
  await finish(world, its.executors[0]!, await aClaim(world, its.executors[0]!));
  expect(await claimSome(world, its.executors[1]!)).toEqual([]);
  // The window moves on: yesterday's use is of yesterday, and the gate's time has come.
  await world.owner.query("update ops.cap_usage set period_start = period_start - interval '1 day' where cap_id = $1", [cap.cap_id]);
  await world.owner.query("update ops_private.gates set opens_at = clock_timestamp() where project_id = $1 and opens_at is not null", [its.first.project_id]);
  expect(await claimSome(world, its.executors[1]!)).toHaveLength(1);
});

test("cap_allow answers the tightest of the caps of environment, project and organization, and a yes reserves under each", async () => {
  const its = await anOrganization();
  const [project, organization] = [await aCap(its, "project", "bytes", 50, { unit: "bytes" }), await aCap(its, "organization", "bytes", 80, { unit: "bytes" })];
  const ask = (place: Tenant) => call(world, its.owner, "cap_allow", { cap_key: "bytes", amount: 60, environment_id: place.environment_id });
  expect(await ask(its.first)).toMatchObject({ allowed: false, cap_id: project.cap_id });
  expect(await ask(its.second)).toMatchObject({ allowed: true, cap_id: organization.cap_id });
  await aRun(world, its.second);
  const claim = await aClaim(world, its.executors[2]!);
  const asked = await Promise.all(Array.from({ length: 6 }, () => call(world, its.executors[2]!, "cap_allow", { cap_key: "bytes", amount: 30, ...claim.lease })));
  expect(asked.filter((answer) => answer.allowed)).toHaveLength(2);
  expect(await use(its, organization)).toEqual({ used: 0, reserved: 60 });
  expect(await use(its, project)).toEqual({ used: 0, reserved: 0 });
});

test("who governs all that a cap holds makes it, whoever it holds sees it, nobody else does, and the audit log tells whose it is", async () => {
  const [its, stranger] = [await anOrganization(), await aTenant(world)];
  const [project, organization] = [await aCap(its, "project", "k", 5), await aCap(its, "organization", "k", 6)];
  await call(world, its.first.api, "save_cap", { request: { environment_id: its.first.environment_id, cap_key: "k", unit: "runs", period: "day", limit_amount: "4" } });
  const ofEnvironment = await anApiToken(world, its.first.project_id, "admin", its.first.environment_id);
  const request = { cap_key: "mine", unit: "runs" as const, period: "day" as const, limit_amount: "1" };
  expect((await refusal(call(world, ofEnvironment, "save_cap", { request: { ...request, project_id: its.first.project_id } }))).code).toBe("forbidden");
  expect((await refusal(call(world, its.first.api, "save_cap", { request: { ...request, organization_id: its.first.organization_id } }))).code).toBe("forbidden");
  expect((await refusal(call(world, ofEnvironment, "delete_cap", { cap_id: project.cap_id }))).code).toBe("forbidden");
  expect((await refusal(call(world, its.first.api, "save_cap", { request: { ...request, project_id: its.first.project_id, environment_id: its.first.environment_id } }))).code).toBe("invalid_input");
  expect((await refusal(aCap(its, "project", "k", 9))).code).toBe("conflict");
  const seen = async (caller: { token: string }, place?: Tenant) => (await call(world, caller, "list_caps", { environment_id: place?.environment_id ?? null })).map((cap) => cap.scope).toSorted();
  expect(await seen(ofEnvironment)).toEqual(["environment", "organization", "project"]);
  expect(await seen(its.first.api, its.places[1])).toEqual(["organization", "project"]);
  expect(await seen(its.second.api)).toEqual(["organization"]);
  expect(await seen(stranger.api)).toEqual([]);
  for (const cap of [project, organization]) expect((await refusal(call(world, stranger.api, "get_cap", { cap_id: cap.cap_id }))).code).toBe("not_found");
  const { rows } = await world.owner.query("select object_id, organization_id, project_id, environment_id from ops.audit_log where action = 'cap.created' and object_id = any ($1) order by audit_id", [[project.cap_id, organization.cap_id]]);
  expect(rows).toEqual([
    { object_id: project.cap_id, organization_id: its.first.organization_id, project_id: its.first.project_id, environment_id: null },
    { object_id: organization.cap_id, organization_id: its.first.organization_id, project_id: null, environment_id: null },
  ]);
});
