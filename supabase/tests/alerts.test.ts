import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { alertPreview, alertRule, notification, type AlertCondition, type Notification } from "../../contracts/alert.ts";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, call, cronSecret, finish, openWorld, refusal, request, specText, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: { token: string; executor_id: string };
const service = { token: cronSecret };
beforeAll(async () => {
  world = await openWorld(4);
});
afterAll(() => world?.drop());
beforeEach(async () => {
  // Rules of the tests before would be judged beside.
  await world.owner.query("delete from ops.alert_rules");
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});

const save = (condition: AlertCondition | Record<string, unknown>, more: object = {}) => call(world, tenant.api, "save_alert_rule", { request: { environment_id: tenant.environment_id, name: "A rule", condition: condition as AlertCondition, ...more } });
/** Every rule is due: as if twenty seconds had gone by. */
async function look(): Promise<number> {
  await world.owner.query("update ops.alert_rules set look_at = now()");
  await call(world, service, "score_ended_runs", {});
  return (await call(world, service, "check_alert_rules", {})).turned;
}
/** As if so many minutes had gone by. */
const age = (minutes: number) => world.owner.query("update ops.notifications set holds_since = holds_since - make_interval(mins => $2), snoozed_until = snoozed_until - make_interval(mins => $2) where environment_id = $1", [tenant.environment_id, minutes]);
const inbox = async (): Promise<Notification[]> => notification.array().parse((await request<{ n: unknown }>(world, tenant.api, "select to_jsonb(n) as n from ops.notification_list as n where environment_id = $1 order by subject, rule", [tenant.environment_id])).map(({ n }) => n));
const statuses = async () => (await inbox()).map(({ subject, status, occurrences }) => `${subject} ${status} ${occurrences}`);
const mark = (notification_id: string, how: string, minutes?: number, as: { token: string } = tenant.api) => call(world, as, "mark_notification", { notification_id, mark: how as "none", minutes });
interface Told { type: string; data: { rule: string; notifications: number; path: string; first: { subject: string; occurrences: number }[]; route: unknown } }
const told = async () => (await world.owner.query("select payload from ops.webhook_deliveries where project_id = $1 order by delivery_id", [tenant.project_id])).rows.map(({ payload }) => payload as Told);
const hears = () => call(world, tenant.api, "put_webhook", { project_id: tenant.project_id, url: "https://hook.example.test/a", events: ["alert.firing", "alert.resolved"] });

async function ended(how: "succeeded" | "failed", pipeline = "odoo", signals: Record<string, number> = {}): Promise<string> {
  const run_id = await aRun(world, tenant, { spec_text: specText(["work"], pipeline) });
  const claim = await aClaim(world, executor, { run_id });
  if (Object.keys(signals).length > 0) await call(world, executor, "put_signals", { ...claim.lease, signals });
  if (how === "succeeded") await finish(world, executor, claim);
  else await call(world, executor, "fail_run", { ...claim.lease, error_code: "sql_error", error_message: "no such column", permanent: true });
  return run_id;
}

describe("a rule", () => {
  test("is made, changed and deleted by admins alone, each change audited, and a stale writer does not overwrite it", async () => {
    const made = alertRule.parse(await save({ kind: "run_failed", in_a_row: 1 }));
    expect(made).toMatchObject({ version: 1, condition: { kind: "run_failed", in_a_row: 1 }, for_minutes: 0, severity: "warning", enabled: true, judged_at: null, problem: null });
    const change = (request: object, as: { token: string } = tenant.api) => call(world, as, "save_alert_rule", { request: { alert_rule_id: made.alert_rule_id, ...request } });
    expect(await change({ for_minutes: 5, base_version: 1 })).toMatchObject({ version: 2, for_minutes: 5, condition: made.condition });
    expect(await change({ for_minutes: 5, base_version: 2 })).toMatchObject({ version: 2 });
    expect((await refusal(change({ for_minutes: 6, base_version: 1 }))).code).toBe("conflict");
    expect((await refusal(save({ kind: "run_failed", in_a_row: 1 }))).code).toBe("conflict");
    const editor = await anApiToken(world, tenant.project_id, "editor");
    expect((await refusal(change({ enabled: false }, editor))).code).toBe("forbidden");
    expect((await refusal(call(world, editor, "delete_alert_rule", { alert_rule_id: made.alert_rule_id }))).code).toBe("forbidden");
    expect((await refusal(call(world, (await aTenant(world)).api, "delete_alert_rule", { alert_rule_id: made.alert_rule_id }))).code).toBe("not_found");
    await call(world, tenant.api, "delete_alert_rule", { alert_rule_id: made.alert_rule_id });
    expect((await world.owner.query("select action from ops.audit_log where environment_id = $1 order by audit_id", [tenant.environment_id])).rows.map(({ action }) => action)).toEqual(["alert_rule.created", "alert_rule.changed", "alert_rule.deleted"]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["an unknown kind", { kind: "moon_full" }], ["no kind", {}], ["a field of another kind", { kind: "run_failed", in_a_row: 1, seconds: 1 }], ["a field that is needed and missing", { kind: "run_slow" }], ["part of a number", { kind: "run_slow", seconds: 1.5 }],
    ["a number out of range", { kind: "run_failed", in_a_row: 101 }], ["text for a number", { kind: "cap_used", percent: "80" }], ["a word that is none", { kind: "run_failed", in_a_row: 1, pipeline: "Odoo; drop" }], ["a state that is none", { kind: "dataset_stale", state: "ok" }], ["a list", { kind: "run_warned", warning: ["a"] }],
  ])("with a condition that is not of the list is refused: %s", async (_name, condition) => {
    expect((await refusal(save(condition))).code).toBe("invalid_input");
  });

  test("with a name, a severity or a time that is not right is refused", async () => {
    for (const more of [{ name: "" }, { severity: "awful" }, { for_minutes: 10_081 }, { name: undefined }]) expect((await refusal(save({ kind: "run_failed", in_a_row: 1 }, more))).code).toBe("invalid_input");
  });
});

describe("conditions", () => {
  test("run_failed counts failures of a pipeline since it last succeeded, in the order of ends, and ends with a success", async () => {
    await save({ kind: "run_failed", in_a_row: 2 });
    await save({ kind: "run_failed", pipeline: "other", in_a_row: 1 }, { name: "Other" });
    await ended("failed");
    await look();
    expect(await statuses()).toEqual([]);
    const second = await ended("failed");
    expect(await look()).toBe(1);
    expect(await inbox()).toMatchObject([{ rule: "A rule", subject: "odoo", status: "firing", run_id: second, path: `/runs/${second}`, title: "odoo failed 2 times in a row: sql_error", occurrences: 1 }]);
    const third = await ended("failed");
    expect(await look()).toBe(0);
    expect(await inbox()).toMatchObject([{ run_id: third, occurrences: 2, title: "odoo failed 3 times in a row: sql_error" }]);
    await ended("succeeded");
    expect(await look()).toBe(1);
    expect(await inbox()).toMatchObject([{ status: "resolved", holds_since: null }]);
    await ended("failed", "other");
    await look();
    expect(await statuses()).toEqual(["odoo resolved 2", "other firing 1"]);
  });

  test("a run that is noted after one that ended later moves nothing back; verifications and parts of a run do not count", async () => {
    const [early, late, alone] = [await ended("failed"), await ended("succeeded"), await ended("failed", "alone")];
    await world.owner.query("delete from ops_private.runs_to_score where run_id = any ($1)", [[early, late, alone]]);
    for (const batch of [[late], [early]]) await world.owner.query("select ops_private.note_ends($1)", [batch]);
    await world.owner.query("update ops.runs set isolated = true where run_id = $1", [alone]);
    await world.owner.query("select ops_private.note_ends($1)", [[alone]]);
    expect((await world.owner.query("select pipeline, failures, last_run from ops_private.pipeline_ends where environment_id = $1", [tenant.environment_id])).rows).toEqual([{ pipeline: "odoo", failures: 0, last_run: late }]);
  });

  test("run_slow and run_waiting find runs that take or wait longer, once for a pipeline, and none that wait for their time", async () => {
    await save({ kind: "run_slow", seconds: 600 }, { name: "Slow" });
    await save({ kind: "run_waiting", seconds: 600 }, { name: "Waiting" });
    const ago = async (run_id: string, column: string) => world.owner.query(`update ops.runs set ${column} = now() - interval '11 minutes' where run_id = $1`, [run_id]);
    const first = await aRun(world, tenant, { spec_text: specText(["work"], "slow") });
    const claim = await aClaim(world, executor, { run_id: first, lease_seconds: 600 });
    await call(world, executor, "start_run", claim.lease);
    await look();
    expect(await statuses()).toEqual([]);
    await ago(first, "started_at");
    // The id of a run says when it was made.
    const old = async (pipeline: string, run_after?: string) => {
      const run_id = await aRun(world, tenant, { spec_text: specText(["work"], pipeline), run_after });
      const made = (await world.owner.query("select ops_private.uuid_at(now() - interval '11 minutes')::text as id")).rows[0].id.slice(0, 24) + run_id.slice(24);
      await world.owner.query("with phases as (delete from ops.run_phases where run_id = $1) update ops.runs set run_id = $2, created_at = now() - interval '11 minutes' where run_id = $1", [run_id, made]);
    };
    await old("waits");
    await old("waits");
    await old("later", new Date(Date.now() + 3_600_000).toISOString());
    await look();
    expect((await inbox()).map(({ rule, subject, title }) => `${rule}: ${subject}: ${title}`)).toEqual(["Slow: slow: slow: a run takes longer than 10 min", "Waiting: waits: waits: 2 runs wait longer than 10 min"]);
    await call(world, executor, "fail_run", { ...claim.lease, error_code: "x", error_message: "x", permanent: true });
    await look();
    expect(await statuses()).toEqual(["slow resolved 1", "waits firing 1"]);
  });

  test("run_signal reads what the run that ended last had, its own signals and those that are derived", async () => {
    await save({ kind: "run_signal", signal: "rows_lost", at_least: 5 }, { name: "Lost" });
    await save({ kind: "run_signal", signal: "run_failed", at_least: 1 }, { name: "Derived" });
    await ended("succeeded", "odoo", { rows_lost: 4.5 });
    await look();
    expect(await statuses()).toEqual([]);
    await ended("succeeded", "odoo", { rows_lost: 5 });
    await ended("failed", "crm");
    await look();
    expect((await inbox()).map(({ rule, subject, title }) => [rule, subject, title])).toEqual([["Derived", "crm", "crm ended with run_failed = 1"], ["Lost", "odoo", "odoo ended with rows_lost = 5"]]);
    await ended("succeeded", "odoo");
    await look();
    expect(await statuses()).toEqual(["crm firing 1", "odoo resolved 1"]);
  });

  test("run_warned finds a warning in the events of the run that ended last", async () => {
    await save({ kind: "run_warned", warning: "source_slot_lag" });
    const run_id = await aRun(world, tenant, { spec_text: specText(["work"], "odoo") });
    const claim = await aClaim(world, executor, { run_id });
    await call(world, executor, "append_events", { ...claim.lease, events: [{ event_id: randomUUID(), type: "PHASE_PROGRESS", phase: "work", message: "much log", data: { warning: "source_slot_lag" } }] });
    await finish(world, executor, claim);
    await look();
    expect(await inbox()).toMatchObject([{ subject: "odoo", title: "odoo warned of source_slot_lag", run_id, status: "firing" }]);
    await ended("succeeded");
    await look();
    expect(await statuses()).toEqual(["odoo resolved 1"]);
  });

  test("dataset_stale follows what the monitor saw last, by dataset, table group and state, and forgets a promise that is taken back", async () => {
    const freshness = [{ dataset: "gold.a", max_age_seconds: 60 }, { dataset: "gold.b", max_age_seconds: 60 }];
    await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: JSON.stringify({ ...(JSON.parse(specText(["work"], "makes")) as object), freshness }) });
    const saw = (name: string, state: string) => world.owner.query(`with d as (insert into ops.datasets (environment_id, name, layer, current_version) values ($1, $2, 'gold', 1) on conflict on constraint dataset_name_is_unique_in_its_environment do update set current_version = 1 returning dataset_id)
      insert into ops.freshness_signals (environment_id, dataset_id, dataset, state, forecast, data_at, breach_at, run_id) select $1, dataset_id, $2, $3, false, now(), now(), gen_random_uuid() from d`, [tenant.environment_id, name, state]);
    await save({ kind: "dataset_stale", state: "late" }, { name: "Late" });
    await save({ kind: "dataset_stale", state: "breached", dataset: "gold.a" }, { name: "Breached" });
    await saw("gold.a", "late");
    await saw("gold.b", "breached");
    await saw("gold.c", "breached"); // nobody promises it
    await look();
    expect((await inbox()).map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(["Late gold.a", "Late gold.b"]);
    await saw("gold.a", "breached");
    await saw("gold.b", "ok");
    await look();
    expect((await inbox()).map(({ rule, subject, status }) => `${rule} ${subject} ${status}`)).toEqual(["Breached gold.a firing", "Late gold.a firing", "Late gold.b resolved"]);
    await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "makes") });
    await look();
    expect(new Set((await inbox()).map(({ status }) => status))).toEqual(new Set(["resolved"]));
  });

  test("executor_offline finds executors that are silent, and cap_used caps at a share of their limit", async () => {
    await save({ kind: "executor_offline" }, { name: "Silent" });
    await save({ kind: "cap_used", percent: 80 }, { name: "Nearly used" });
    await world.owner.query("update ops.executors set offline_since = now(), name = 'worker' where executor_id = $1", [executor.executor_id]);
    const cap = await call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key: "odoo", unit: "rows", period: "day", limit_amount: "10" } });
    const used = (amount: number) => world.owner.query("insert into ops.cap_usage (cap_id, organization_id, project_id, environment_id, period_start, settled_amount) select cap_id, organization_id, project_id, environment_id, $2, $3 from ops.caps where cap_id = $1 on conflict (cap_id, period_start) do update set settled_amount = excluded.settled_amount", [cap.cap_id, cap.window_starts_at, amount]);
    await used(7);
    await look();
    expect(await statuses()).toEqual(["worker firing 1"]);
    await used(8);
    await world.owner.query("update ops.executors set offline_since = null where executor_id = $1", [executor.executor_id]);
    await look();
    expect(await statuses()).toEqual(["odoo (rows a day, environment) firing 1", "worker resolved 1"]);
  });
});

describe("what it found", () => {
  const failing = async (more: object = {}): Promise<Notification> => {
    await save({ kind: "run_failed", in_a_row: 1 }, more);
    await ended("failed");
    await look();
    return (await inbox())[0] as Notification;
  };

  test("is told once when it begins to fire and once when it is over, with its route, all of one look in one message", async () => {
    await hears();
    await save({ kind: "run_failed", in_a_row: 1 });
    await ended("failed", "a");
    await ended("failed", "b");
    await look();
    await ended("failed", "a");
    await look();
    await look();
    await ended("succeeded", "a");
    await look();
    const messages = await told();
    expect(messages.map(({ type, data }) => [type, data.notifications, data.first.map(({ subject }) => subject)])).toEqual([["alert.firing", 2, ["a", "b"]], ["alert.resolved", 1, ["a"]]]);
    expect(messages[0]?.data).toMatchObject({ rule: "A rule", severity: "warning", path: "/alerts", route: null });
    expect(messages[1]?.data.path).toMatch(/^\/runs\//);
  });

  test("waits until it has held for as long as the rule says, and is never seen where it ends before", async () => {
    await hears();
    expect(await failing({ for_minutes: 10 })).toBeUndefined();
    await ended("succeeded");
    await look();
    await ended("failed");
    await look();
    await age(9);
    expect([await look(), await statuses()]).toEqual([0, []]);
    await age(2);
    expect([await look(), await statuses()]).toEqual([1, ["odoo firing 1"]]);
    expect(await told()).toHaveLength(1);
  });

  test("is acknowledged by an operator, counts on without a word, is resolved when it ends, and fires anew when it is back", async () => {
    await hears();
    const { notification_id } = await failing();
    const operator = await anApiToken(world, tenant.project_id, "operator");
    expect((await refusal(mark(notification_id, "acknowledged", undefined, await anApiToken(world, tenant.project_id, "viewer")))).code).toBe("forbidden");
    expect((await refusal(mark(notification_id, "acknowledged", undefined, (await aTenant(world)).api))).code).toBe("not_found");
    expect(notification.parse(await mark(notification_id, "acknowledged", undefined, operator))).toMatchObject({ status: "acknowledged", marked_by: expect.any(String) });
    await ended("failed");
    await look();
    expect(await statuses()).toEqual(["odoo acknowledged 2"]);
    await ended("succeeded");
    await look();
    expect((await refusal(mark(notification_id, "acknowledged"))).code).toBe("illegal_transition");
    await ended("failed");
    await look();
    expect(await inbox()).toMatchObject([{ notification_id, status: "firing", occurrences: 3, marked_by: null }]);
    expect((await told()).map(({ type }) => type)).toEqual(["alert.firing", "alert.resolved", "alert.firing"]);
    expect((await world.owner.query("select action from ops.audit_log where object_id = $1", [notification_id])).rows).toEqual([{ action: "notification.acknowledged" }]);
  });

  test("says nothing while it is snoozed, though it ends and comes back, and one message when the snooze has ended", async () => {
    await hears();
    const { notification_id } = await failing();
    expect(await mark(notification_id, "snoozed", 60)).toMatchObject({ status: "snoozed", snoozed_until: expect.any(String) });
    for (const how of ["failed", "succeeded", "failed", "failed"] as const) {
      await ended(how);
      await look();
    }
    expect(await statuses()).toEqual(["odoo snoozed 4"]);
    expect(await told()).toHaveLength(1);
    await age(61);
    await look();
    await look();
    expect(await statuses()).toEqual(["odoo firing 4"]);
    expect((await told()).map(({ type }) => type)).toEqual(["alert.firing", "alert.firing"]);
  });

  test("is over when its snooze ends and it holds no more, and wakes untold when somebody ends the snooze", async () => {
    await hears();
    const { notification_id } = await failing();
    await mark(notification_id, "snoozed", 60);
    expect(await mark(notification_id, "none")).toMatchObject({ status: "firing", snoozed_until: null });
    await look();
    expect(await told()).toHaveLength(1);
    await mark(notification_id, "snoozed", 60);
    await ended("succeeded");
    await look();
    expect(await statuses()).toEqual(["odoo snoozed 1"]);
    await age(61);
    await look();
    expect(await statuses()).toEqual(["odoo resolved 1"]);
    expect((await told()).map(({ type }) => type)).toEqual(["alert.firing", "alert.resolved"]);
    expect((await refusal(mark(notification_id, "snoozed", 60))).code).toBe("illegal_transition");
    expect((await refusal(mark(notification_id, "snoozed"))).code).toBe("invalid_input");
    expect((await refusal(mark(notification_id, "resolved", 5))).code).toBe("invalid_input");
  });

  test("stays resolved where somebody resolved it, until another run shows it", async () => {
    const { notification_id } = await failing();
    expect(await mark(notification_id, "resolved")).toMatchObject({ status: "resolved" });
    expect(await mark(notification_id, "resolved")).toMatchObject({ status: "resolved" });
    await look();
    expect(await statuses()).toEqual(["odoo resolved 1"]);
    await ended("failed");
    await look();
    expect(await statuses()).toEqual(["odoo firing 2"]);
  });

  test("is resolved when its rule is switched off, and goes with it", async () => {
    const found = await failing();
    await call(world, tenant.api, "save_alert_rule", { request: { alert_rule_id: found.alert_rule_id, enabled: false } });
    await look();
    expect(await statuses()).toEqual(["odoo resolved 1"]);
    await call(world, tenant.api, "delete_alert_rule", { alert_rule_id: found.alert_rule_id });
    expect(await statuses()).toEqual([]);
  });
});

test("a rule that cannot be judged says why, waits, and keeps no other rule from its turn; each is judged every twenty seconds at most", async () => {
  await save({ kind: "cap_used", percent: 80 }, { name: "Broken" });
  await save({ kind: "run_failed", in_a_row: 1 }, { name: "Right" });
  await world.owner.query(`update ops.alert_rules set condition = '{"kind": "cap_used", "percent": "many"}' where name = 'Broken'`);
  await ended("failed");
  expect(await look()).toBe(1);
  const rows = (await world.owner.query("select name, problem, judged_at is not null as judged, look_at > now() + interval '1 minute' as later from ops.alert_rules order by name")).rows;
  expect(rows).toEqual([{ name: "Broken", problem: expect.stringContaining("many"), judged: false, later: true }, { name: "Right", problem: null, judged: true, later: false }]);
  expect(await call(world, service, "check_alert_rules", {})).toEqual({ judged: 0, turned: 0 });
  expect((await refusal(call(world, tenant.api, "check_alert_rules", {}))).code).toBe("forbidden");
});

test("a preview tells what a rule would find now and how often it would have fired, and changes nothing", async () => {
  const preview = async (condition: AlertCondition, for_minutes = 0) => alertPreview.parse(await call(world, tenant.api, "preview_alert_rule", { environment_id: tenant.environment_id, condition, for_minutes }));
  for (const how of ["failed", "failed", "succeeded", "failed", "failed", "failed"] as const) await ended(how, "odoo", { rows_lost: how === "failed" ? 9 : 0 });
  await ended("failed", "crm");
  await call(world, service, "score_ended_runs", {});
  expect(await preview({ kind: "run_failed", in_a_row: 1 })).toMatchObject({ days: 7, fired: 3, holds: 2 });
  expect(await preview({ kind: "run_failed", in_a_row: 2 })).toMatchObject({ fired: 2, holds: 1, first: [{ subject: "odoo" }] });
  expect(await preview({ kind: "run_failed", in_a_row: 1 }, 5)).toMatchObject({ fired: 0 });
  expect(await preview({ kind: "run_signal", signal: "rows_lost", at_least: 9 })).toMatchObject({ fired: 2, holds: 1 });
  expect(await preview({ kind: "run_slow", seconds: 3600 })).toMatchObject({ fired: 0, holds: 0 });
  expect(await preview({ kind: "run_warned", warning: "x" })).toMatchObject({ fired: 0, holds: 0 });
  expect(await preview({ kind: "dataset_stale", state: "late" })).toMatchObject({ fired: 0, holds: 0 });
  expect(await preview({ kind: "cap_used", percent: 80 })).toMatchObject({ fired: 0, holds: 0 });
  expect(await preview({ kind: "executor_offline" })).toMatchObject({ fired: null, holds: 0 });
  expect(await statuses()).toEqual([]);
  expect((await refusal(call(world, (await aTenant(world)).api, "preview_alert_rule", { environment_id: tenant.environment_id, condition: { kind: "executor_offline" } }))).code).toBe("not_found");
});

test("judging a rule reads as little after many runs as after few", async () => {
  const reads = async (sql: string): Promise<number> => (await world.owner.query<{ "QUERY PLAN": [{ Plan: { "Shared Hit Blocks": number; "Shared Read Blocks": number } }] }>(`explain (analyze, buffers, format json) ${sql}`)).rows[0]!["QUERY PLAN"][0].Plan["Shared Hit Blocks"];
  const conditions: AlertCondition[] = [{ kind: "run_failed", in_a_row: 1 }, { kind: "run_slow", seconds: 60 }, { kind: "run_waiting", seconds: 60 }, { kind: "run_signal", signal: "retries", at_least: 1 }, { kind: "run_warned", warning: "x" }];
  await ended("failed");
  await call(world, service, "score_ended_runs", {});
  const cost = async () => {
    const all: number[] = [];
    for (const condition of conditions) {
      const sql = `select * from ops_private.alert_subjects('${tenant.environment_id}', '${JSON.stringify(condition)}')`;
      await reads(sql);
      all.push(await reads(sql));
    }
    return all;
  };
  const before = await cost();
  await world.owner.query(`insert into ops.runs select (jsonb_populate_record(r, jsonb_build_object('run_id', ops_private.uuid_v7()))).* from ops.runs as r cross join generate_series(1, 1000) where r.environment_id = $1`, [tenant.environment_id]);
  await world.owner.query("analyze ops.runs");
  for (const [index, blocks] of (await cost()).entries()) expect(blocks, conditions[index]?.kind).toBeLessThan((before[index] as number) + 60);
});
