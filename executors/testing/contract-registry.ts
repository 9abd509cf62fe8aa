import { expect } from "vitest";
import { z } from "zod";
import { type ContractCalls, nobody } from "./contract-calls.ts";
import { aQueue, aTenant } from "./live.ts";
import { idleSpec } from "./specs.ts";

/** Executors and their tokens, signals and scores, the webhook and its deliveries. */
export async function registry(calls: ContractCalls) {
  await executors(calls);
  await scores(calls);
  await webhooks(calls);
  await deletions(calls);
  await controlPlane(calls);
  await audit(calls);
}

/** On a project of its own, so that nothing else changes it meanwhile. */
async function controlPlane({ live, well, badly }: ContractCalls) {
  const { api: { token } } = await aTenant(live);
  const document = { version: 1, caps: [{ scope: "project", environment: null, cap_key: "odoo", unit: "rows", period: "day", limit_amount: "10.0" }] };
  const plan = z.object({ state_sha256: z.string(), after_sha256: z.string(), changes: z.array(z.object({ action: z.string() })) });
  const { changes, ...states } = plan.parse(await well("plan_control_plane", { body: { document }, token }, 200));
  expect(changes).toMatchObject([{ action: "create" }]);
  await badly("plan_control_plane", "invalid_input", { body: { document: { version: 2 } }, token });
  await badly("plan_control_plane", "invalid_input", { body: { document: { version: 1, caps: [{ ...document.caps[0], scope: "environment" }] } }, token });
  await badly("plan_control_plane", "not_found", { body: { document: { version: 1, caps: [{ ...document.caps[0], scope: "environment", environment: "nowhere" }] } }, token });
  await well("apply_control_plane", { body: { document, ...states }, token }, 200);
  await badly("apply_control_plane", "conflict", { body: { document, ...states }, token });
  await badly("apply_control_plane", "invalid_input", { body: { document }, token });
  expect(await well("export_control_plane", { token }, 200)).toMatchObject({ document: { version: 1, caps: [{ cap_key: "odoo", limit_amount: "10" }] }, state_sha256: states.after_sha256 });
  await badly("export_control_plane", "not_found", { query: { project: "no-such-project" } });
}

/** On an organization of its own, which is gone afterwards. */
async function deletions({ live, well, badly }: ContractCalls) {
  const { environment_id: id, api } = await aTenant(live);
  const query = { kind: "environment", id };
  expect(await well("preview_deletion", { query, token: api.token }, 200)).toMatchObject({ typed_name: "dev", hindrance: null, counts: { runs: 0 } });
  await badly("preview_deletion", "not_found", { query });
  await badly("delete_scope", "invalid_input", { body: { ...query, typed_name: "Dev" }, token: api.token });
  await badly("delete_scope", "not_found", { body: { ...query, typed_name: "dev" } });
  await well("delete_scope", { body: { ...query, typed_name: "dev" }, token: api.token }, 204);
  await badly("delete_scope", "not_found", { body: { ...query, typed_name: "dev" }, token: api.token });
}

async function audit({ well, badly }: ContractCalls) {
  await well("list_audit", { query: { action: "webhook", limit: 1 } }, 200);
  await badly("list_audit", "invalid_input", { query: { cursor: "not a cursor" } });
  await badly("list_audit", "not_found", { query: { organization: "no-such-place" } });
  expect(await well("export_audit", { query: { format: "csv", action: "webhook" } }, 200)).toContain("webhook.saved");
  await badly("export_audit", "invalid_input", { query: { format: "pdf" } });
  await well("verify_audit", {}, 200);
  await badly("verify_audit", "invalid_input", { query: { after_seq: "-1" } });
}

async function executors({ well, badly }: ContractCalls) {
  const body = { name: "Contract 1", environments: ["dev"], allowed_queues: [aQueue()] };
  const { executor_id } = z.object({ executor_id: z.guid() }).parse(await well("create_executor", { body }, 201));
  await badly("create_executor", "conflict", { body });
  await badly("create_executor", "not_found", { body: { ...body, name: "Contract 2", environments: ["no-such-place"] } });
  await badly("create_executor", "invalid_input", { body: { ...body, name: "" } });
  const params = { executor_id };
  const unknown = { executor_id: nobody };
  expect(await well("get_executor", { params }, 200)).toMatchObject({ ...body, environments: [{ slug: "dev" }], status: "offline", active_runs: 0 });
  await badly("get_executor", "not_found", { params: unknown });

  const { token, executor_token_id } = z.object({ token: z.string(), executor_token_id: z.guid() }).parse(await well("create_executor_token", { params, body: { expires_in_days: 1 } }, 201));
  await badly("create_executor_token", "invalid_input", { params, body: { expires_in_days: 0 } });
  await badly("create_executor_token", "not_found", { params: unknown, body: { expires_in_days: 1 } });
  expect(await well("list_executor_tokens", { params }, 200)).toMatchObject({ items: [{ executor_token_id, revoked_at: null }] });
  await badly("list_executor_tokens", "not_found", { params: unknown });

  expect(await well("heartbeat_executor", { params, token, body: { version: "1.0.0", hostname: "here" } }, 200)).toMatchObject({ status: "online" });
  await badly("heartbeat_executor", "forbidden", { params, body: {} });
  await badly("heartbeat_executor", "invalid_input", { params, token, body: { version: 7 } });
  const drained = { draining: true, drain_comment: "moves house" };
  expect(await well("update_executor", { params, body: { ...drained, name: "Contract 3", allowed_queues: null } }, 200)).toMatchObject({ name: "Contract 3", status: "draining", allowed_queues: null });
  expect(await well("heartbeat_executor", { params, token, body: {} }, 200)).toMatchObject({ status: "draining", drain_comment: "moves house" });
  await badly("update_executor", "invalid_input", { params, body: { draining: "yes" } });
  await badly("update_executor", "not_found", { params: unknown, body: drained });

  const revoked = { params: { ...params, executor_token_id } };
  await well("revoke_executor_token", revoked, 204);
  await well("revoke_executor_token", revoked, 204);
  await badly("revoke_executor_token", "not_found", { params: { ...params, executor_token_id: nobody } });
  await badly("heartbeat_executor", "token_invalid", { params, token, body: {} });
  await well("delete_executor", { params }, 204);
  await badly("delete_executor", "not_found", { params });
}

async function scores({ executor, tenant, well, badly }: ContractCalls) {
  const queue = aQueue();
  const { run_id } = z.object({ run_id: z.guid() }).parse(await well("create_run", { body: { spec: idleSpec(), queue } }, 201));
  const params = { run_id };
  const { items } = z.object({ items: z.array(z.object({ lease_token: z.guid() })) }).parse(await well("claim_runs", { body: { queues: [queue], lease_seconds: 60 } }, 200));
  const headers = { "lease-token": items[0]?.lease_token ?? "" };
  expect(await well("put_signals", { params, headers, body: { signals: { rows_late: 7 } } }, 200)).toEqual({ rows_late: 7 });
  await badly("put_signals", "invalid_input", { params, headers, body: { signals: { run_failed: 0 } } });
  await badly("put_signals", "lease_lost", { params, headers: { "lease-token": nobody }, body: { signals: { rows_late: 8 } } });
  await badly("compute_run_score", "illegal_transition", { params });
  await badly("get_run_score", "not_found", { params });
  await well("fail_run", { params, headers, body: { error_code: "sql_error", error_message: "no", permanent: true } }, 200);

  const weights = { rows_late: 5 };
  expect(await well("put_signal_weights", { body: { weights } }, 200)).toMatchObject({ weights });
  await badly("put_signal_weights", "invalid_input", { body: { weights: { rows_late: -1 } } });
  await badly("put_signal_weights", "forbidden", { body: { weights }, token: executor.token });
  expect(await well("get_signal_weights", { query: { project: tenant.project } }, 200)).toMatchObject({ weights });
  await badly("get_signal_weights", "not_found", { query: { project: "no-such-project" } });
  const computed = await well("compute_run_score", { params }, 200);
  expect(z.object({ breakdown: z.array(z.object({ signal: z.string() })) }).parse(computed).breakdown.map((row) => row.signal)).toContain("rows_late");
  expect(await well("get_run_score", { params }, 200)).toEqual(computed);
  await badly("compute_run_score", "not_found", { params: { run_id: nobody } });
  await badly("get_run_score", "not_found", { params: { run_id: nobody } });
}

async function webhooks({ live, well, badly }: ContractCalls) {
  await well("get_webhook_key", { token: null }, 200);
  await badly("get_webhook", "not_found", {});
  await badly("delete_webhook", "not_found", { query: { project: "no-such-project" } });
  await badly("test_webhook", "not_found", {});
  const body = { url: "https://hooks.example.test/contract", events: ["run.failed"] };
  const saved = await well("put_webhook", { body }, 200);
  expect(saved).toMatchObject({ ...body, enabled: true });
  await badly("put_webhook", "invalid_input", { body: { ...body, url: "ftp://hooks.example.test" } });
  expect(await well("get_webhook", {}, 200)).toEqual(saved);

  const { delivery_id } = z.object({ delivery_id: z.guid() }).parse(await well("test_webhook", {}, 201));
  expect(await well("list_deliveries", { query: { limit: 1 } }, 200)).toMatchObject({ items: [{ delivery_id, type: "webhook.test" }] });
  await badly("list_deliveries", "invalid_input", { query: { status: "lost" } });
  const end = (status: string) => live.sql(
    "update ops.webhook_deliveries set status = $2, next_attempt_at = null, sending_until = null, finished_at = clock_timestamp() where delivery_id = $1", [delivery_id, status]);
  const params = { delivery_id };
  await end("failed");
  expect(await well("retry_delivery", { params }, 200)).toMatchObject({ delivery_id, status: "pending", finished_at: null });
  await end("delivered");
  await badly("retry_delivery", "illegal_transition", { params });
  await badly("retry_delivery", "not_found", { params: { delivery_id: nobody } });
  await well("delete_webhook", {}, 204);
  await badly("get_webhook", "not_found", {});
}
