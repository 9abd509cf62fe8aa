import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import { checkControlPlane } from "../../contracts/check-control-plane.ts";
import { routeOf } from "../../contracts/check-routing.ts";
import { checkSpec } from "../../contracts/check-spec.ts";
import { canonicalLines } from "../../contracts/json-diff.ts";
import { controlPlaneArgumentOf, type ControlPlane } from "../../contracts/control-plane.ts";
import { layers, type Routing } from "../../contracts/routing.ts";
import { anApiToken, aTenant, call, openWorld, refusal, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
let other: World;
beforeAll(async () => {
  world = await openWorld(4);
  other = await openWorld(4);
});
afterAll(async () => {
  await world?.drop();
  await other?.drop();
});

function template(name: string, sql = "select 1"): NonNullable<ControlPlane["templates"]>[number] {
  const { spec_text, sha256 } = checkSpec({ version: 1, name, phases: [{ name: "only", type: "query", config: { sql } }] });
  return { template_key: name, spec_sha256: sha256!, spec: JSON.parse(spec_text!) as Record<string, unknown> };
}
/** The matrix of this repository. */
const matrix = checkControlPlane(readFileSync(new URL("../../config/routing_matrix.yml", import.meta.url), "utf8")).document!.routing!;

/** A document as somebody wrote it, with the defaults filled in. */
function aDocument(change: (document: Required<ControlPlane>) => void = () => undefined): ControlPlane {
  const document = {
    version: 1,
    templates: [template("land"), template("refine")],
    executors: [{ name: "Edge 1", environments: ["dev"], allowed_queues: ["slow", "fast"], draining: true, drain_comment: "moves" }, { name: "Worker 1", environments: ["dev"] }],
    caps: [{ scope: "environment", environment: "dev", cap_key: "odoo", unit: "rows", period: "day", time_zone: "Europe/Berlin", limit_amount: "5000000.50" }, { scope: "project", environment: null, cap_key: "odoo", unit: "runs", period: "hour", limit_amount: "10", enabled: false }],
    schedules: [
      { environment: "dev", name: "Nightly", template_key: "land", cron: "0  2 * * *", time_zone: "Europe/Berlin", labels: ["b", "a"], parameters: { day: "${{ schedule.nominal_date }}" }, start_at: "2026-01-01T01:00:00+01:00", paused: true },
      { environment: "dev", name: "Pinned", template_key: "refine", pinned_spec_sha256: template("refine").spec_sha256, cron: "30 3 * * 1" },
    ],
    alert_rules: [
      { environment: "dev", name: "Land fails", condition: { kind: "run_failed", pipeline: "land", in_a_row: 1 }, severity: "critical" },
      { environment: "dev", name: "Rows vanish", condition: { kind: "run_signal", signal: "rows_lost", at_least: 0.5 }, for_minutes: 10, enabled: false },
    ],
    routing: structuredClone(matrix),
  };
  change(document as unknown as Required<ControlPlane>);
  const checked = checkControlPlane(document);
  expect(checked.errors).toEqual([]);
  return checked.document!;
}
const plan = (at: World, caller: Caller, project_id: string, document: ControlPlane, prune = false) => call(at, caller, "plan_control_plane", { project_id, document: controlPlaneArgumentOf(document), prune });
async function apply(at: World, tenant: Tenant, document: ControlPlane, prune = false) {
  const planned = await plan(at, tenant.api, tenant.project_id, document, prune);
  const applied = await call(at, tenant.api, "apply_control_plane", { project_id: tenant.project_id, document: controlPlaneArgumentOf(document), prune, state_sha256: planned.state_sha256, after_sha256: planned.after_sha256 });
  expect(applied).toEqual(planned);
  return planned.changes.map(({ kind, action, name }) => `${action} ${kind} ${name}`);
}
const exported = (at: World, tenant: Tenant) => call(at, tenant.api, "export_control_plane", { project_id: tenant.project_id });
const hashOf = (value: unknown) => createHash("sha256").update(canonicalJson(value)).digest("hex");
const audited = async (tenant: Tenant) => (await world.owner.query("select action from ops.audit_log where project_id = $1 or environment_id = $2 order by audit_id", [tenant.project_id, tenant.environment_id])).rows.map((row) => row.action as string);

test("the same content in two databases has the same bytes and the same hash, however it came there", async () => {
  const [one, two] = [await aTenant(world), await aTenant(other)];
  await apply(world, one, aDocument());
  // Here other things were there before, in another order, and versions count differently.
  await apply(other, two, aDocument((document) => {
    document.templates = [template("refine", "select 2"), template("land", "select 3")];
    document.schedules = [];
    document.caps.reverse();
    document.executors.push({ name: "Gone", environments: ["dev"], allowed_queues: null, draining: false, drain_comment: null });
    document.routing!.rules = [{ name: "all", when: {}, area: "spec", channel: "issue" }];
  }));
  await apply(other, two, aDocument((document) => { for (const section of ["templates", "executors", "caps", "schedules", "alert_rules"] as const) document[section].reverse(); }), true);
  const [a, b] = [await exported(world, one), await exported(other, two)];
  expect(canonicalJson(b.document)).toBe(canonicalJson(a.document));
  expect(hashOf(b.document)).toBe(hashOf(a.document));
  expect(b.state_sha256).toBe(a.state_sha256);
  expect(await exported(world, one)).toEqual(a);
});

test("the committed reference comes back from two databases as its own bytes, twice from each, and applies once", async () => {
  const text = readFileSync(new URL("../../config/exports/reference.json", import.meta.url), "utf8");
  const { document } = checkControlPlane(text);
  const templates = ["silver_to_gold", "odoo_ingest_bronze", "bronze_to_silver"].map((name) => template(name));
  const hashes = await Promise.all([world, other].map(async (at) => {
    const tenant = await aTenant(at);
    await apply(at, tenant, { version: 1, templates: at === world ? templates : templates.toReversed() });
    expect(await apply(at, tenant, document!, true)).toHaveLength(13);
    expect(await apply(at, tenant, document!, true)).toEqual([]);
    const [first, second] = [await exported(at, tenant), await exported(at, tenant)];
    expect(second).toEqual(first);
    const { templates: _, ...rest } = first.document;
    expect(canonicalLines(rest)).toBe(text);
    return hashOf(first.document);
  }));
  expect(hashes[1]).toBe(hashes[0]);
});

test("what was exported is a right document, and applying it changes nothing and writes no audit entry", async () => {
  const tenant = await aTenant(world);
  await apply(world, tenant, aDocument());
  const { document } = await exported(world, tenant);
  expect(checkControlPlane(document).errors).toEqual([]);
  const before = await audited(tenant);
  expect(await apply(world, tenant, document as ControlPlane, true)).toEqual([]);
  expect(await apply(world, tenant, aDocument(), true)).toEqual([]);
  expect(await audited(tenant)).toEqual(before);
});

test("a plan shows what an apply changes, and changes nothing itself", async () => {
  const tenant = await aTenant(world);
  await apply(world, tenant, aDocument());
  const before = await exported(world, tenant);
  const log = await audited(tenant);
  const document = aDocument((wanted) => {
    wanted.templates[0] = template("land", "select 7");
    wanted.executors.pop();
    wanted.caps[0]!.limit_amount = "7";
    wanted.schedules[0]!.paused = false;
    wanted.schedules[0]!.cron = "5 5 * * *";
    wanted.schedules[1]!.pinned_spec_sha256 = null;
    wanted.routing!.areas["bi"]!.primary = "data-owners";
    wanted.routing!.areas["bi"]!.secondary = "product-owners";
  });
  const planned = await plan(world, tenant.api, tenant.project_id, document, true);
  expect(planned.changes.map(({ kind, action, name }) => `${action} ${kind} ${name}`)).toEqual([
    "change template land", "delete executor Worker 1", "change cap environment dev odoo rows day", "change schedule dev Nightly", "change schedule dev Pinned", "change routing matrix",
  ]);
  expect(planned.changes[2]).toMatchObject({ before: { limit_amount: "5000000.5" }, after: { limit_amount: "7" } });
  expect(await exported(world, tenant)).toEqual(before);
  expect(await audited(tenant)).toEqual(log);

  await apply(world, tenant, document, true);
  const after = await exported(world, tenant);
  expect(after.state_sha256).toBe(planned.after_sha256);
  expect(after.document.schedules.map(({ name, cron, paused, pinned_spec_sha256 }) => ({ name, cron, paused, pinned_spec_sha256 }))).toEqual([{ name: "Nightly", cron: "5 5 * * *", paused: false, pinned_spec_sha256: null }, { name: "Pinned", cron: "30 3 * * 1", paused: false, pinned_spec_sha256: null }]);
  expect((await audited(tenant)).slice(log.length)).toEqual(["template.saved", "executor.deleted", "cap.changed", "schedule.changed", "schedule.resumed", "schedule.changed", "routing.saved", "control_plane.applied"]);
});

test("without prune what the document does not name is kept, and a section that is absent is left alone", async () => {
  const tenant = await aTenant(world);
  await apply(world, tenant, aDocument());
  const before = await exported(world, tenant);
  expect(await apply(world, tenant, { version: 1, executors: [], caps: [] })).toEqual([]);
  expect(await apply(world, tenant, { version: 1 }, true)).toEqual([]);
  expect(await exported(world, tenant)).toEqual(before);
  expect(await apply(world, tenant, { version: 1, templates: [], schedules: [] }, true)).toEqual(["delete schedule dev Nightly", "delete schedule dev Pinned"]);
});

test("the matrix goes in as the file has it and comes back as the same value; it is kept without prune, and goes with it", async () => {
  const tenant = await aTenant(world);
  expect((await exported(world, tenant)).document.routing).toBeNull();
  expect(await apply(world, tenant, { version: 1, routing: matrix })).toEqual(["create routing matrix"]);
  expect((await exported(world, tenant)).document.routing).toEqual(matrix);
  expect(await apply(world, tenant, { version: 1, routing: matrix })).toEqual([]);
  const moved = { ...matrix, rules: matrix.rules.with(2, matrix.rules[3]!).with(3, matrix.rules[2]!) };
  expect(await apply(world, tenant, { version: 1, routing: moved })).toEqual(["change routing matrix"]);
  expect((await exported(world, tenant)).document.routing?.rules.map(({ name }) => name)).toEqual(moved.rules.map(({ name }) => name));
  expect(await apply(world, tenant, { version: 1, routing: null })).toEqual([]);
  expect(await apply(world, tenant, { version: 1, routing: null }, true)).toEqual(["delete routing matrix"]);
  expect((await exported(world, tenant)).document.routing).toBeNull();
  expect((await world.owner.query("select before -> 'rules' -> 0 ->> 'name' as name, after from ops.audit_log where project_id = $1 and action = 'routing.saved' order by audit_id desc limit 1", [tenant.project_id])).rows).toEqual([{ name: "weaknesses", after: null }]);
});

test.each<[string, RegExp, (wanted: Routing) => void]>([
  ["an area that is not there", /a_rule_leads_to_an_area/, (wanted) => { wanted.rules[0]!.area = "nowhere"; }],
  ["a channel that is not there", /a_rule_leads_to_a_channel/, (wanted) => { wanted.rules[0]!.channel = "pigeon"; }],
  ["a signal that is not there", /not there: run\.lost/, (wanted) => { wanted.rules[0]!.when.signal!.push("run.lost"); }],
  ["a rule that is never asked", /never asked: gold_failed/, (wanted) => { wanted.rules.unshift(wanted.rules.splice(4, 1)[0]!); wanted.rules.splice(4, 1); }],
  ["a signal that comes to nobody", /come to nobody: nightly\.failed/, (wanted) => { wanted.rules.pop(); }],
  ["an area that falls back to itself", /nobody_falls_back_to_themselves/, (wanted) => { wanted.areas["bi"]!.secondary = "product-owners"; }],
  ["two rules of one name", /rule_name_is_unique/, (wanted) => { wanted.rules[1]!.name = wanted.rules[0]!.name; }],
  ["environments without end", /20 environments/, (wanted) => { wanted.rules[0]!.when.environment = Array.from({ length: 21 }, (_, index) => `e-${index}`); }],
])("the database itself refuses a matrix with %s", async (_name, detail, change) => {
  const tenant = await aTenant(world);
  const wanted = structuredClone(matrix);
  change(wanted);
  const failure = await plan(world, tenant.api, tenant.project_id, { version: 1, routing: wanted }).then(() => null, (error: { message: string; detail?: string }) => error);
  expect(failure).toMatchObject({ message: "invalid_input", detail: expect.stringMatching(detail) });
});

test("a signal comes to the first rule that holds; an environment that no rule names is any other", async () => {
  const tenant = await aTenant(world);
  const wanted = structuredClone(matrix);
  wanted.rules.unshift({ name: "in_prod", when: { signal: ["run.failed"], environment: ["prod"] }, area: "executors", channel: "issue" }, { name: "elsewhere", when: { signal: ["run.failed"], layer: ["silver"], environment: ["other"] }, area: "spec", channel: "issue" });
  await apply(world, tenant, { version: 1, routing: wanted });
  const route = async (signal: string, layer: string | null, environment: string | null) => (await world.owner.query("select ops_private.route($1, $2, $3, $4) as route", [tenant.project_id, signal, layer, environment])).rows[0].route as { rule: string } | null;
  expect(await route("run.failed", "gold", "prod")).toEqual({ rule: "in_prod", area: "executors", channel: "issue", severity: "warning", primary: "platform-owners", secondary: "data-owners" });
  expect((await route("run.failed", "gold", "dev"))?.rule).toBe("gold_failed");
  expect((await route("run.failed", "silver", "dev"))?.rule).toBe("elsewhere");
  expect((await route("run.failed", null, "dev"))?.rule).toBe("run_failed");
  expect((await route("executor.offline", null, null))?.rule).toBe("executors_are_silent");
  expect(await route("run.lost", null, null)).toBeNull();
  // SQL and the lint of the repository mean the same rules.
  for (const signal of Object.keys(wanted.signals)) {
    for (const layer of layers) for (const environment of ["prod", "dev"]) expect(await route(signal, layer, environment), `${signal} ${layer} ${environment}`).toEqual(routeOf(wanted, signal, layer, environment));
  }
});

describe("an apply is whole or nothing", () => {
  test("refuses a state that is not the one that was planned from", async () => {
    const tenant = await aTenant(world);
    const document = aDocument();
    const { state_sha256, after_sha256 } = await plan(world, tenant.api, tenant.project_id, document);
    await call(world, tenant.api, "save_cap", { request: { project_id: tenant.project_id, cap_key: "meanwhile", unit: "runs", period: "day", limit_amount: "1" } });
    const late = { project_id: tenant.project_id, document: controlPlaneArgumentOf(document), prune: false, state_sha256, after_sha256 };
    expect(await refusal(call(world, tenant.api, "apply_control_plane", late))).toEqual({ code: "conflict", status: "PT409" });
    const { document: present } = await exported(world, tenant);
    expect([present.caps.map((each) => each.cap_key), present.templates]).toEqual([["meanwhile"], []]);
  });

  test("refuses to lead elsewhere than the plan said, and takes everything back", async () => {
    const tenant = await aTenant(world);
    const document = aDocument();
    const { state_sha256 } = await plan(world, tenant.api, tenant.project_id, document);
    const before = await audited(tenant);
    const elsewhere = { project_id: tenant.project_id, document: controlPlaneArgumentOf(document), prune: false, state_sha256, after_sha256: "0".repeat(64) };
    expect((await refusal(call(world, tenant.api, "apply_control_plane", elsewhere))).code).toBe("conflict");
    expect((await exported(world, tenant)).state_sha256).toBe(state_sha256);
    expect(await audited(tenant)).toEqual(before);
  });

  test("of two at once exactly one is applied", async () => {
    const tenant = await aTenant(world);
    const documents = [aDocument(), aDocument((wanted) => { wanted.caps[0]!.limit_amount = "1"; })];
    const args = await Promise.all(documents.map(async (document) => {
      const { state_sha256, after_sha256 } = await plan(world, tenant.api, tenant.project_id, document);
      return { project_id: tenant.project_id, document: controlPlaneArgumentOf(document), prune: false, state_sha256, after_sha256 };
    }));
    const outcomes = await Promise.allSettled(args.map((each) => call(world, tenant.api, "apply_control_plane", each)));
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    expect((await exported(world, tenant)).state_sha256).toBe(args[winner]!.after_sha256);
  });

  const gates = "from ops_private.gates as g where g.gate_id in (select c.gate_id from ops.caps as c where c.project_id = $1)";
  test.each([
    ["schedules first, as who fires one", "select from ops.schedules as s join ops.environments as e using (environment_id) where e.project_id = $1 for no key update of s"],
    ["the gates of all caps by number, as who ends runs", `select ${gates} order by g.gate_id limit 1 for update`],
  ])("waits for what others hold before it holds what they may want next: %s", async (_name, held) => {
    const tenant = await aTenant(world);
    await apply(world, tenant, aDocument((document) => { document.caps[0]!.cap_key = "zeta"; document.caps.pop(); }));
    await apply(world, tenant, aDocument());
    const later = aDocument((document) => {
      for (const cap of document.caps) cap.limit_amount = "3";
      document.caps.push({ ...document.caps[0]!, cap_key: "zeta" });
      document.schedules[0]!.cron = "5 5 * * *";
    });
    const { state_sha256, after_sha256 } = await plan(world, tenant.api, tenant.project_id, later);
    const client = await world.owner.connect();
    try {
      await client.query("begin");
      await client.query(held, [tenant.project_id]);
      const applied = call(world, tenant.api, "apply_control_plane", { project_id: tenant.project_id, document: controlPlaneArgumentOf(later), prune: false, state_sha256, after_sha256 });
      await vi.waitUntil(async () => (await world.owner.query("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")).rowCount === 1, { timeout: 30_000, interval: 10 });
      await client.query(`select ${gates} for update nowait`, [tenant.project_id]);
      await client.query("commit");
      await applied;
      expect((await exported(world, tenant)).state_sha256).toBe(after_sha256);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  test("an id in the document is nobody's: a cap of another project, whoever may change it, is left alone", async () => {
    const [tenant, other] = [await aTenant(world), await aTenant(world)];
    await world.owner.query("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'owner')", [tenant.user, other.organization_id, other.project_id]);
    const theirs = await call(world, other.api, "save_cap", { request: { environment_id: other.environment_id, cap_key: "odoo", unit: "rows", period: "day", limit_amount: "9" } });
    const { document } = checkControlPlane({ version: 1, caps: [{ scope: "environment", environment: "dev", cap_key: "odoo", unit: "rows", period: "day", limit_amount: "1" }] });
    const forged = { ...controlPlaneArgumentOf(document!), caps: document!.caps!.map((cap) => ({ ...cap, cap_id: theirs.cap_id, environment_id: other.environment_id, project_id: other.project_id, organization_id: other.organization_id })) };
    const args = { project_id: tenant.project_id, document: forged, prune: false };
    const planned = await call(world, { user: tenant.user }, "plan_control_plane", args);
    await call(world, { user: tenant.user }, "apply_control_plane", { ...args, state_sha256: planned.state_sha256, after_sha256: planned.after_sha256 });
    expect(await call(world, other.api, "get_cap", { cap_id: theirs.cap_id })).toEqual(theirs);
    expect((await exported(world, tenant)).document.caps).toEqual(document!.caps);
  });

  test.each<[string, string, (document: Required<ControlPlane>) => void]>([
    ["an environment that is not there", "not_found", (wanted) => { wanted.schedules[0]!.environment = "prod"; }],
    ["a pinned spec that no version has", "not_found", (wanted) => { wanted.schedules[1]!.pinned_spec_sha256 = "0".repeat(64); }],
    ["an executor of an environment that is not there", "not_found", (wanted) => { wanted.executors[0]!.environments = ["prod"]; }],
  ])("is planned and refused as a whole: %s", async (_name, code, change) => {
    const tenant = await aTenant(world);
    const before = await exported(world, tenant);
    expect((await refusal(plan(world, tenant.api, tenant.project_id, aDocument(change)))).code).toBe(code);
    expect(await exported(world, tenant)).toEqual(before);
  });

  test("a spec that is not of its hash is refused, and a cap's time zone does not change", async () => {
    const tenant = await aTenant(world);
    const forged = { ...controlPlaneArgumentOf(aDocument()), templates: [{ template_key: "land", spec_sha256: template("land").spec_sha256, spec_text: canonicalJson(template("land", "select 6").spec) }] };
    expect((await refusal(call(world, tenant.api, "plan_control_plane", { project_id: tenant.project_id, document: forged }))).code).toBe("invalid_spec");
    await apply(world, tenant, aDocument());
    expect((await refusal(plan(world, tenant.api, tenant.project_id, aDocument((wanted) => { wanted.caps[0]!.time_zone = "UTC"; })))).code).toBe("conflict");
  });
});

test("an admin of the whole project plans and applies; who sees it exports; the document holds no secret, id or moment", async () => {
  const tenant = await aTenant(world);
  await apply(world, tenant, aDocument());
  const [editor, viewer, narrow] = [await anApiToken(world, tenant.project_id, "editor"), await anApiToken(world, tenant.project_id, "viewer"), await anApiToken(world, tenant.project_id, "admin", tenant.environment_id)];
  expect((await refusal(plan(world, editor, tenant.project_id, aDocument()))).code).toBe("forbidden");
  expect(await call(world, viewer, "export_control_plane", { project_id: tenant.project_id })).toEqual(await exported(world, tenant));
  await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod')", [tenant.project_id]);
  expect((await refusal(call(world, narrow, "export_control_plane", { project_id: tenant.project_id }))).code).toBe("forbidden");
  const text = canonicalJson((await exported(world, tenant)).document);
  for (const { id } of (await world.owner.query("select executor_id::text as id from ops.executors where project_id = $1 union all select cap_id::text from ops.caps where project_id = $1 union all values ($1::text), ($2::text)", [tenant.project_id, tenant.environment_id])).rows) expect(text).not.toContain(id);
  for (const word of ["created", "token", "last_seen", "lcx_"]) expect(text).not.toContain(word);
});
