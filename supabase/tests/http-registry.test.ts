import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { webhookEvents } from "../../contracts/words.ts";
import { api, executor, newRun, ok, owner, refused, secret, stranger, tenant, useApi, yaml } from "./http-world.ts";

useApi();

describe("templates", () => {
  test("a spec is checked, saved once, versioned when it changes, and read back as written", async () => {
    const text = yaml.replace("name: daily", "name: versioned");
    expect(await ok(200, api("validate_template", { body: { text } }))).toMatchObject({ valid: true, errors: [] });
    const wrong = await ok(200, api("validate_template", { body: { text: text.replace("query", "bake") } }));
    expect(wrong).toMatchObject({ valid: false, errors: [{ line: 10 }] });
    await refused(422, "invalid_spec", api("save_template", { body: { text: text.replace("query", "bake") } }));
    expect(await ok(201, api("save_template", { body: { text } }))).toMatchObject({ template_key: "versioned", current_version: 1, source_text: text });
    expect(await ok(200, api("save_template", { body: { text } }))).toMatchObject({ current_version: 1 });
    expect(await ok(201, api("save_template", { body: { text: text.replace("select 1", "select 2") } }))).toMatchObject({ current_version: 2 });
    const first = await ok(200, api("list_template_versions", { params: { template_key: "versioned" }, query: "?limit=1" }));
    expect(first).toMatchObject({ items: [{ version: 2 }] });
    const rest2 = await ok(200, api("list_template_versions", { params: { template_key: "versioned" }, query: `?limit=1&cursor=${String(first.next_cursor)}` }));
    expect(rest2).toMatchObject({ items: [{ version: 1 }], next_cursor: null });
    expect(await ok(200, api("get_template_version", { params: { template_key: "versioned", version: "1" } }))).toMatchObject({ version: 1, source_text: text, spec: { name: "versioned" } });
    await refused(404, "not_found", api("get_template_version", { params: { template_key: "versioned", version: "3" } }));
    await refused(400, "invalid_input", api("get_template_version", { params: { template_key: "versioned", version: "0" } }));
    // Who writes on what another has changed since is told, and changes nothing.
    const third = text.replace("select 1", "select 3");
    await refused(409, "conflict", api("save_template", { body: { text: third, base_version: 1 } }));
    await refused(409, "conflict", api("save_template", { body: { text: third, base_version: 0 } }));
    expect(await ok(201, api("save_template", { body: { text: text.replace("select 1", "select 4"), base_version: 2 } }))).toMatchObject({ current_version: 3 });
    await refused(404, "not_found", api("get_template_version", { as: stranger.api.token, params: { template_key: "versioned", version: "1" } }));
    expect(await ok(200, api("list_templates"))).toMatchObject({ items: [{ template_key: "daily" }, { template_key: "versioned" }], next_cursor: null });
    await refused(404, "not_found", api("get_template", { as: stranger.api.token, params: { template_key: "versioned" } }));
  });
});

describe("schedules and backfills", () => {
  const nightly = { name: "nightly", template_key: "daily", cron: "30 2 * * *", time_zone: "Europe/Berlin", parameters: { as_of: "${{ schedule.nominal_date }}" } };
  interface Made { schedule_id: string; backfill_id: string; next_time: string; items: { nominal_time: string; name: string; outcome: string; partition_start: string; run_id: string }[]; next_cursor: string | null }
  const made = async (status: number, response: Promise<Response>) => (await ok(status, response)) as unknown as Made;

  test("a schedule is checked before it is stored, fires by the tick, and tells what became of its times", async () => {
    await refused(400, "invalid_input", api("create_schedule", { body: { ...nightly, cron: "61 * * * *" } }));
    await refused(400, "invalid_input", api("create_schedule", { body: { ...nightly, cron: "0 0 30 2 *" } }));
    await refused(400, "invalid_input", api("create_schedule", { body: { ...nightly, time_zone: "Mars/Olympus" } }));
    await refused(422, "invalid_parameters", api("create_schedule", { body: { ...nightly, parameters: { as_of: "${{ schedule.nominal_time }}" } } }));
    await refused(422, "invalid_parameters", api("create_schedule", { body: { ...nightly, parameters: { as_of: "${{ schedule.date }}" } } }));
    await refused(404, "not_found", api("create_schedule", { body: { ...nightly, template_key: "nothing" } }));
    const { schedule_id, next_time } = await made(201, api("create_schedule", { body: nightly }));
    await refused(409, "conflict", api("create_schedule", { body: nightly }));
    const params = { schedule_id };
    const preview = await made(200, api("preview_schedule", { params, query: "?count=3" }));
    expect(preview.items.length).toBe(3);
    expect(preview.items[0]?.nominal_time).toBe(next_time);
    expect(await ok(200, api("preview_times", { body: { cron: "30 2 * * *", time_zone: "Europe/Berlin", after: "2026-03-28T12:00:00Z", count: 1 } }))).toEqual({ items: [{ nominal_time: "2026-03-29T01:00:00.000Z", local_time: "2026-03-29T03:00:00+02:00", clock_change: "gap" }] });
    await ok(200, api("post_tick", { as: secret }));
    expect(new Date((await made(200, api("get_schedule", { params }))).next_time)).toEqual(new Date(next_time));
    await owner.query("update ops.schedules set after_time = after_time - interval '49 hours', next_time = null, next_at = now() where schedule_id = $1", [schedule_id]);
    expect(await ok(200, api("get_tick", { as: secret }))).toMatchObject({ jobs: { schedules: expect.any(Number), backfills: expect.any(Number) } });
    const first = await made(200, api("list_fires", { params, query: "?limit=1" }));
    expect(first.items).toMatchObject([{ outcome: "started", manual: false }]);
    const run = await ok(200, api("get_run", { params: { run_id: first.items[0]?.run_id ?? "" } }));
    expect(run).toMatchObject({ trigger: "schedule", schedule_id, parameters: { as_of: (first.items[0]?.nominal_time ?? "").slice(0, 10) } });
    const earlier = await made(200, api("list_fires", { params, query: `?cursor=${first.next_cursor}` }));
    expect(new Set(earlier.items.map((each) => each.outcome))).toEqual(new Set(["missed"]));
    expect(await ok(200, api("pause_schedule", { params, body: { note: "a holiday" } }))).toMatchObject({ paused_note: "a holiday", next_time: null });
    expect(await ok(200, api("update_schedule", { params, body: { cron: "0 4 * * *", name: "later" } }))).toMatchObject({ name: "later", cron: "0 4 * * *", overlap: "skip" });
    await refused(400, "invalid_input", api("update_schedule", { params, body: { time_zone: "Nowhere/Land" } }));
    await refused(422, "invalid_parameters", api("update_schedule", { params, body: { parameters: { as_of: 1 } } }));
    expect((await made(200, api("resume_schedule", { params }))).next_time).toMatch(/T0[23]:00:00/);
    const headers = { "Idempotency-Key": randomUUID() };
    const now = await ok(201, api("run_schedule", { params, headers }));
    expect(await ok(200, api("run_schedule", { params, headers }))).toMatchObject({ run_id: now.run_id });
    expect((await made(200, api("list_schedules", { query: "?template_key=daily" }))).items.map((each) => each.name)).toEqual(["later"]);
    for (const name of ["get_schedule", "preview_schedule", "list_fires", "resume_schedule", "delete_schedule", "run_schedule"] as const) await refused(404, "not_found", api(name, { as: stranger.api.token, params }));
    await ok(204, api("delete_schedule", { params }));
    await refused(404, "not_found", api("get_schedule", { params }));
  });

  test("a backfill is previewed, made once a key, advanced by the tick, and controlled", async () => {
    const { schedule_id } = await made(201, api("create_schedule", { body: nightly }));
    const body = { schedule_id, range_start: "2026-03-27T00:00:00+01:00", range_end: "2026-04-01T00:00:00+02:00", max_active: 2 };
    expect(await ok(200, api("preview_backfill", { body }))).toMatchObject({ total: 5, to_run: 5, present: { missing: 5 } });
    await refused(400, "invalid_input", api("preview_backfill", { body: { ...body, schedule_id: undefined } }));
    await refused(400, "invalid_input", api("preview_backfill", { body: { ...body, range_end: body.range_start } }));
    await refused(400, "invalid_input", api("create_backfill", { body: { ...body, cron: "* * * * *", range_end: "2026-04-27T00:00:00Z" } })); // more than 10,000
    const headers = { "Idempotency-Key": randomUUID() };
    const { backfill_id } = await made(201, api("create_backfill", { body, headers }));
    expect(await ok(200, api("create_backfill", { body, headers }))).toMatchObject({ backfill_id });
    await refused(409, "idempotency_conflict", api("create_backfill", { body: { ...body, max_active: 3 }, headers }));
    const params = { backfill_id };
    await ok(200, api("post_tick", { as: secret }));
    expect(await ok(200, api("get_backfill", { params }))).toMatchObject({ status: "active", cron: nightly.cron, time_zone: nightly.time_zone, progress: { queued: 2, pending: 3 } });
    const items = await made(200, api("list_backfill_items", { params, query: "?limit=3" }));
    expect(items.items.map((each) => each.outcome)).toEqual(["started", "started", "pending"]);
    expect(new Date(items.items[2]?.partition_start ?? "").toISOString()).toBe("2026-03-29T01:00:00.000Z");
    expect((await made(200, api("list_backfill_items", { params, query: `?cursor=${items.next_cursor}` }))).items.length).toBe(2);
    expect(await ok(200, api("pause_backfill", { params, body: {} }))).toMatchObject({ status: "paused" });
    expect(await ok(200, api("resume_backfill", { params }))).toMatchObject({ status: "active" });
    expect(await ok(200, api("cancel_backfill", { params, body: { note: "wrong month" } }))).toMatchObject({ status: "canceled", note: "wrong month", progress: { canceled: 5 } });
    await refused(409, "illegal_transition", api("resume_backfill", { params }));
    const days = await ok(200, api("preview_backfill", { body: { template_key: "daily", unit: "day", time_zone: "America/Havana", range_start: "2026-01-01T00:00:00Z", range_end: "2027-01-01T00:00:00Z", start_parameter: "as_of" } }));
    expect(days).toMatchObject({ total: 365, first: expect.any(Array) });
    expect((await made(200, api("list_backfills", { query: "?status=canceled" }))).items).toMatchObject([{ backfill_id }]);
    for (const name of ["get_backfill", "list_backfill_items", "resume_backfill"] as const) await refused(404, "not_found", api(name, { as: stranger.api.token, params }));
    await refused(404, "not_found", api("preview_backfill", { as: stranger.api.token, body }));
  });
});

describe("caps", () => {
  test("a cap holds the environment, project or organization that it names, wherever in it a run is; it is changed and deleted by who governs that", async () => {
    const cap = { cap_key: "over-http", unit: "runs", period: "day", time_zone: "Europe/Berlin", limit_amount: "5" };
    const made = new Map<string, string>();
    for (const scope of ["environment", "project"] as const) {
      const answer = await ok(201, api("create_cap", { body: { ...cap, scope, limit_amount: scope === "project" ? "0" : "5" } }));
      expect(answer).toMatchObject({ scope, cap_key: cap.cap_key, environment_id: scope === "environment" ? expect.any(String) : null, used: "0", enabled: true });
      made.set(scope, String(answer.cap_id));
    }
    await refused(403, "forbidden", api("create_cap", { body: { ...cap, scope: "organization" } })); // the token governs one project of it
    await refused(400, "invalid_input", api("create_cap", { body: { ...cap, scope: "planet" } }));
    await refused(409, "conflict", api("create_cap", { body: { ...cap, scope: "project" } }));
    const params = { cap_id: made.get("project") ?? "" };
    const allowed = () => api("cap_allow", { body: { cap_key: cap.cap_key } });
    expect(await ok(200, allowed())).toMatchObject({ allowed: false, cap_id: params.cap_id, limit: "0" });
    expect(await ok(200, api("change_cap", { params, body: { limit_amount: "3" } }))).toMatchObject({ scope: "project", limit_amount: "3" });
    expect(await ok(200, allowed())).toMatchObject({ allowed: true, cap_id: params.cap_id, limit: "3" });
    const listed = (await ok(200, api("list_caps"))) as unknown as { items: { cap_id: string }[] };
    expect(listed.items.map((each) => each.cap_id)).toEqual(expect.arrayContaining([...made.values()]));
    for (const name of ["get_cap", "change_cap", "delete_cap"] as const) await refused(404, "not_found", api(name, { as: stranger.api.token, params, body: name === "change_cap" ? { enabled: false } : undefined }));
    for (const cap_id of made.values()) await ok(204, api("delete_cap", { params: { cap_id } }));
    expect(await ok(200, allowed())).toMatchObject({ allowed: true, cap_id: null });
  });
});

describe("alerts", () => {
  test("rules are made, paged, changed and removed, the tick judges them, and what they find is paged and marked; nobody else sees any of it", async () => {
    const condition = { kind: "executor_offline", executor: "silent" };
    for (const name of ["b", "a"]) expect(await ok(201, api("create_alert_rule", { body: { name, condition, severity: "critical" } }))).toMatchObject({ name, version: 1, for_minutes: 0 });
    await refused(400, "invalid_input", api("create_alert_rule", { body: { name: "c", condition: { kind: "run_slow" } } }));
    const environment = `?environment_id=${tenant.environment_id}`;
    type Found = { items: Record<string, string>[]; next_cursor: string };
    const list = async (operation: "list_alert_rules" | "list_notifications", more: string) => (await ok(200, api(operation, { query: environment + more }))) as unknown as Found;
    const first = await list("list_alert_rules", "&limit=1");
    const second = await list("list_alert_rules", `&limit=1&cursor=${first.next_cursor}`);
    expect([first, second].map(({ items }) => items.map(({ name }) => name))).toEqual([["a"], ["b"]]);
    expect(second.next_cursor).toBeNull();
    await owner.query("insert into ops.executors (project_id, name, last_seen_at, offline_since) values ($1, 'silent', now() - interval '1 hour', now() - interval '1 hour')", [tenant.project_id]);
    await owner.query("insert into ops.executor_environments select executor_id, $1 from ops.executors where name = 'silent'", [tenant.environment_id]);
    expect(await ok(200, api("preview_alert_rule", { body: { condition } }))).toMatchObject({ fired: null, holds: 1, first: [{ subject: "silent" }] });
    expect(await ok(200, api("post_tick", { as: secret }))).toMatchObject({ jobs: { alerts: 2 } });
    const newest = await list("list_notifications", "&status=firing&limit=1");
    const older = await list("list_notifications", `&status=firing&limit=1&cursor=${newest.next_cursor}`);
    expect([newest, older].flatMap(({ items }) => items.map(({ rule, subject, severity }) => `${rule} ${subject} ${severity}`)).toSorted()).toEqual(["a silent critical", "b silent critical"]);
    expect(older.next_cursor).toBeNull();
    const found = { params: { notification_id: newest.items[0]?.notification_id ?? "" } };
    expect(await ok(200, api("mark_notification", { ...found, body: { mark: "snoozed", minutes: 60 } }))).toMatchObject({ status: "snoozed" });
    await refused(400, "invalid_input", api("mark_notification", { ...found, body: { mark: "acknowledged", minutes: 60 } }));
    expect((await list("list_notifications", "&status=firing")).items).toHaveLength(1);
    expect((await list("list_notifications", `&alert_rule_id=${newest.items[0]?.alert_rule_id}`)).items).toMatchObject([{ status: "snoozed" }]);
    const params = { alert_rule_id: first.items[0]?.alert_rule_id ?? "" };
    expect(await ok(200, api("get_alert_rule", { params }))).toMatchObject({ name: "a", problem: null, judged_at: expect.any(String) });
    expect(await ok(200, api("change_alert_rule", { params, body: { name: "z", base_version: 1 } }))).toMatchObject({ name: "z", version: 2, condition });
    await refused(409, "conflict", api("change_alert_rule", { params, body: { enabled: false, base_version: 1 } }));
    for (const name of ["get_alert_rule", "change_alert_rule", "delete_alert_rule"] as const) await refused(404, "not_found", api(name, { as: stranger.api.token, params, body: name === "change_alert_rule" ? { enabled: false } : undefined }));
    await refused(404, "not_found", api("mark_notification", { as: stranger.api.token, ...found, body: { mark: "resolved" } }));
    await ok(204, api("delete_alert_rule", { params }));
    await refused(404, "not_found", api("delete_alert_rule", { params }));
  });
});

describe("the webhook of a project", () => {
  test("is set, read, tested, listed and removed; its key is public, and an address within is refused", async () => {
    await refused(404, "not_found", api("get_webhook"));
    for (const url of ["http://hook.example.test/", "https://127.0.0.1/", "https://u:p@hook.example.test/", "ftp://hook.example.test/"]) await refused(400, "invalid_input", api("put_webhook", { body: { url } }));
    expect(await ok(200, api("put_webhook", { body: { url: "https://hook.example.test/a" } }))).toMatchObject({ enabled: true, events: [...webhookEvents] });
    expect(await ok(200, api("get_webhook"))).toMatchObject({ url: "https://hook.example.test/a" });
    const { delivery_id } = (await ok(201, api("test_webhook"))) as unknown as { delivery_id: string };
    expect(await ok(200, api("list_deliveries", { query: "?status=pending&limit=1" }))).toMatchObject({ items: [{ delivery_id, status: "pending" }], next_cursor: null });
    expect(await ok(200, api("retry_delivery", { params: { delivery_id } }))).toMatchObject({ delivery_id });
    await refused(404, "not_found", api("retry_delivery", { as: stranger.api.token, params: { delivery_id } }));
    await refused(404, "not_found", api("get_webhook", { as: stranger.api.token }));
    await ok(204, api("delete_webhook"));
    await ok(204, api("delete_webhook"));
    expect(await ok(200, api("get_webhook_key", { headers: { authorization: "" } }))).toMatchObject({ algorithm: "ed25519", public_key: expect.stringMatching(/^whpk_/) as string });
  });
});

describe("bulk", () => {
  test("a filter is counted, then done as a job whose items are paged; an empty one is refused", async () => {
    for (let made = 0; made < 3; made += 1) await ok(201, newRun({ queue: "bulk", labels: ["bulk"] }));
    const body = { filter: { template_key: "daily", status: ["queued"] }, verb: "cancel" };
    const { total } = (await ok(200, api("create_bulk", { body: { ...body, dry_run: true } }))) as unknown as { total: number };
    expect(total).toBeGreaterThanOrEqual(3);
    await refused(400, "empty_filter", api("create_bulk", { body: { filter: {}, verb: "cancel" } }));
    await refused(400, "invalid_input", api("create_bulk", { body: { filter: { colour: "red" }, verb: "cancel" } }));
    const job = (await ok(201, api("create_bulk", { body, headers: { "Idempotency-Key": "bulk-1" } }))) as unknown as { bulk_id: string };
    expect(job).toMatchObject({ status: "finished", total, done: total });
    expect(await ok(201, api("create_bulk", { body, headers: { "Idempotency-Key": "bulk-1" } }))).toEqual(job);
    const params = { bulk_id: job.bulk_id };
    expect(await ok(200, api("get_bulk", { params }))).toEqual(job);
    const first = (await ok(200, api("list_bulk_items", { params, query: "?limit=2" }))) as unknown as { items: object[]; next_cursor: string };
    expect(first.items).toMatchObject([{ position: 1, status: "done" }, { position: 2, status: "done" }]);
    expect(await ok(200, api("list_bulk_items", { params, query: `?limit=1&cursor=${first.next_cursor}` }))).toMatchObject({ items: [{ position: 3 }] });
    await refused(409, "illegal_transition", api("abort_bulk", { params }));
    for (const name of ["get_bulk", "list_bulk_items", "abort_bulk"] as const) await refused(404, "not_found", api(name, { as: stranger.api.token, params }));
  });
});

describe("executors and scores", () => {
  test("an executor is made, rotated, drained and deleted; its token is shown once and works until then", async () => {
    const made = (await ok(201, api("create_executor", { body: { name: "remote", environments: ["dev"] } }))) as unknown as { executor_id: string };
    const params = { executor_id: made.executor_id };
    await refused(409, "conflict", api("create_executor", { body: { name: "remote", environments: ["dev"] } }));
    const { token, executor_token_id } = (await ok(201, api("create_executor_token", { params, body: { expires_in_days: 30 } }))) as unknown as { token: string; executor_token_id: string };
    expect(await ok(200, api("list_executor_tokens", { params }))).toMatchObject({ items: [{ executor_token_id, prefix: token.slice(0, 12), revoked_at: null }] });
    expect(await ok(200, api("heartbeat_executor", { as: token, params, body: { version: "9.9" } }))).toMatchObject({ status: "online" });
    expect(await ok(200, api("get_executor", { params }))).toMatchObject({ status: "online", version: "9.9", active_runs: 0, environments: [{ slug: "dev" }] });
    expect(await ok(200, api("update_executor", { params, body: { draining: true, drain_comment: "new disk" } }))).toMatchObject({ status: "draining", drain_comment: "new disk" });
    await ok(204, api("revoke_executor_token", { params: { ...params, executor_token_id } }));
    await refused(401, "token_invalid", api("heartbeat_executor", { as: token, params, body: {} }));
    await refused(404, "not_found", api("get_executor", { as: stranger.api.token, params }));
    await ok(204, api("delete_executor", { params }));
    await refused(404, "not_found", api("get_executor", { params }));
    const { items } = (await ok(200, api("list_executors"))) as unknown as { items: { executor_id: string }[] };
    expect(items.map((each) => each.executor_id)).not.toContain(made.executor_id);
  });

  test("an API token is made with an expiry, rotated and revoked; members are listed, invited and refused above the own role", async () => {
    interface Made { api_token_id: string; token: string; expires_at: string; invitation_id: string; path: string; items: { membership_id: string; email: string }[]; next_cursor: string | null }
    const made = async (status: number, response: Promise<Response>) => (await ok(status, response)) as unknown as Made;
    const { project_id, organization_id } = tenant;
    const first = await made(201, api("create_api_token", { body: { project_id, name: "ci", role: "viewer" } }));
    expect((Date.parse(first.expires_at) - Date.now()) / 86_400_000).toBeCloseTo(90, 0);
    await ok(200, api("whoami", { as: first.token }));
    await refused(403, "forbidden", api("create_api_token", { body: { project_id, name: "ci", role: "owner" } }));
    const second = await made(201, api("rotate_api_token", { params: { api_token_id: first.api_token_id }, body: { expires_in_days: 1, overlap_seconds: 0 } }));
    await refused(401, "token_invalid", api("whoami", { as: first.token }));
    const page = await made(200, api("list_api_tokens", { query: `?project_id=${project_id}&limit=1` }));
    expect(page.items).toMatchObject([{ api_token_id: second.api_token_id, name: "ci", revoked_at: null }]);
    expect(JSON.stringify(page)).not.toContain("sha256");
    expect((await made(200, api("list_api_tokens", { query: `?project_id=${project_id}&limit=1&cursor=${page.next_cursor}` }))).items).toMatchObject([{ api_token_id: first.api_token_id }]);
    await ok(204, api("revoke_api_token", { params: { api_token_id: second.api_token_id } }));
    await refused(401, "token_invalid", api("whoami", { as: second.token }));
    const members = await made(200, api("list_members", { query: `?organization_id=${organization_id}` }));
    expect(members.items).toMatchObject([{ role: "owner", project_slug: expect.any(String) }]);
    const params = { membership_id: members.items[0]?.membership_id ?? "" };
    await refused(403, "forbidden", api("change_member", { params, body: { role: "viewer" } }));
    await refused(403, "forbidden", api("remove_member", { params }));
    await refused(404, "not_found", api("list_members", { as: stranger.api.token, query: `?organization_id=${organization_id}` }));
    const invited = await made(201, api("invite_member", { body: { organization_id, project_id, email: "Guest@Example.test", role: "editor" } }));
    expect(invited).toMatchObject({ email: "guest@example.test", path: expect.stringMatching(/^\/invitations\/lci_/) });
    const open = `?organization_id=${organization_id}&open=true`;
    expect((await made(200, api("list_invitations", { query: open }))).items).toMatchObject([{ email: "guest@example.test", role: "editor" }]);
    await ok(204, api("revoke_invitation", { params: { invitation_id: invited.invitation_id } }));
    expect((await made(200, api("list_invitations", { query: open }))).items).toEqual([]);
    expect((await made(200, api("list_sessions"))).items).toEqual([]);
  });

  test("a run that ended is scored by the tick, with its executor's signals", async () => {
    const { run_id } = (await ok(201, newRun({ queue: "scored" }))) as unknown as { run_id: string };
    await refused(404, "not_found", api("get_run_score", { params: { run_id } }));
    const { items } = (await ok(200, api("claim_runs", { as: executor.token, body: { queues: ["scored"] } }))) as unknown as { items: { lease_token: string }[] };
    const held = { as: executor.token, params: { run_id }, headers: { "Lease-Token": items[0]?.lease_token ?? "" } };
    expect(await ok(200, api("put_signals", { ...held, body: { signals: { rows_rejected: 2 } } }))).toEqual({ rows_rejected: 2 });
    await refused(400, "invalid_input", api("put_signals", { ...held, body: { signals: { run_failed: 0 } } }));
    await ok(200, api("fail_run", { ...held, body: { error_code: "sql_error", error_message: "no", permanent: true } }));
    expect(await ok(200, api("post_tick", { as: secret }))).toMatchObject({ jobs: { scores: expect.any(Number) as number } });
    const score = (await ok(200, api("get_run_score", { params: { run_id } }))) as unknown as { score: number; breakdown: object[] };
    expect(score.breakdown[0]).toEqual({ signal: "run_failed", value: 1, weight: 10, lost: 1 });
    expect(score.breakdown).toContainEqual(expect.objectContaining({ signal: "rows_rejected", value: 2, weight: 0 }));
    expect(await ok(200, api("compute_run_score", { params: { run_id } }))).toMatchObject({ score: score.score });
    expect(await ok(200, api("get_run", { params: { run_id } }))).toMatchObject({ score: score.score });
    expect(await ok(200, api("put_signal_weights", { body: { weights: { rows_rejected: 5 } } }))).toMatchObject({ weights: { rows_rejected: 5, run_failed: 10 } });
    expect(await ok(200, api("get_signal_weights"))).toMatchObject({ weights: { rows_rejected: 5 }, usual: { run_failed: 10 } });
  });
});
