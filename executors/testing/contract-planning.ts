import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ClaimsResponse } from "../../contracts/claim.ts";
import type { CreateRunsResponse } from "../../contracts/run.ts";
import { nobody, type ContractCalls } from "./contract-calls.ts";
import { aQueue } from "./live.ts";
import { idleSpec } from "./specs.ts";

const template_key = "contract_planned";
type With<Id extends string> = Record<Id, string>;

/** What makes many runs, by the clock, by partitions or by the batch, and what acts on many. */
export async function planning(calls: ContractCalls): Promise<void> {
  const spec = { ...idleSpec(["only"], template_key), parameters: { type: "object", properties: { day: { type: "string", format: "date" }, n: { type: "integer" } } } };
  await calls.well("save_template", { body: { spec } }, 201);
  await batches(calls);
  await bulk(calls);
  const schedule_id = await schedules(calls);
  await backfills(calls, schedule_id);
  await calls.well("delete_schedule", { params: { schedule_id } }, 204);
  await calls.badly("delete_schedule", "not_found", { params: { schedule_id } });
}

async function batches({ well, badly }: ContractCalls): Promise<void> {
  const queue = aQueue();
  const wanted = { template_key, queue, idempotency_key: randomUUID() };
  const made = await well("create_runs", { body: { runs: [wanted, wanted, { template_key: "no_such_template" }] } }, 200);
  expect(made).toMatchObject({ items: [{ ok: true, created: true }, { ok: true, created: false }, { ok: false, error: { code: "not_found" } }] });
  await badly("create_runs", "invalid_input", { body: { runs: [] } });
  const { items: [claim] } = await well("claim_runs", { body: { queues: [queue], lease_seconds: 60 } }, 200) as ClaimsResponse;
  const params = { run_id: claim?.run.run_id ?? "" };
  const lease_token = claim?.lease_token ?? "";
  const headers = { "lease-token": lease_token };
  await well("start_run", { params, headers }, 200);
  const chunk = { chunk_id: randomUUID(), phase: "only", stream: "stdout", text: "one\ntwo ✓\n" };
  expect(await well("append_logs", { params, headers, body: { chunks: [chunk, { ...chunk, chunk_id: randomUUID(), stream: "stderr", phase: null }] } }, 200)).toMatchObject({ last_line: 4 });
  expect(await well("append_logs", { params, headers, body: { chunks: [chunk] } }, 200), "a repeat").toMatchObject({ last_line: 4 });
  await badly("append_logs", "conflict", { params, headers, body: { chunks: [{ ...chunk, text: "other" }] } });
  await badly("append_logs", "lease_lost", { params, headers: { "lease-token": nobody }, body: { chunks: [chunk] } });
  expect(await well("list_logs", { params, query: { search: "TWO", stream: "stdout" } }, 200)).toMatchObject({ items: [{ line: 2, text: "two ✓" }], total_lines: 4 });
  expect(await well("list_logs", { params, query: { order: "desc", limit: 1 } }, 200)).toMatchObject({ items: [{ line: 4 }], next_cursor: "4" });
  await badly("list_logs", "not_found", { params: { run_id: nobody } });
  const writes = [{ type: "phase", name: "only", patch: { status: "running" } }, { type: "heartbeat" }, { type: "phase", name: "only", patch: { status: "succeeded" } }, { type: "complete" }];
  const reported = await well("report_runs", { body: { reports: [{ ...params, lease_token, writes }, { ...params, lease_token: nobody, writes }] } }, 200);
  expect(reported).toMatchObject({ items: [{ ok: true, status: "succeeded" }, { ok: false }] });
  await badly("report_runs", "invalid_input", { body: { reports: [{ ...params, lease_token, writes: [{ type: "wish" }] }] } });
}

/** More runs than a job settles before anybody can abort it. */
async function bulk({ well, badly }: ContractCalls): Promise<void> {
  const runs = Array<object>(500).fill({ template_key, queue: aQueue() });
  const created = await well("create_runs", { body: { runs } }, 200) as CreateRunsResponse;
  const run_ids = created.items.flatMap((item) => (item.ok ? [item.run.run_id] : []));
  const request = { verb: "cancel", reason: "not wanted", filter: { run_ids } };
  expect(await well("create_bulk", { body: { ...request, dry_run: true } }, 200)).toEqual({ dry_run: true, total: 500 });
  await badly("create_bulk", "empty_filter", { body: { ...request, filter: {} } });
  await badly("create_bulk", "too_many_runs", { body: { ...request, limit: 499 } });
  const headers = { "idempotency-key": randomUUID() };
  const { bulk_id } = await well("create_bulk", { body: request, headers }, 201) as With<"bulk_id">;
  expect(await well("abort_bulk", { params: { bulk_id } }, 200)).toMatchObject({ status: "aborted", total: 500 });
  expect(await well("create_bulk", { body: request, headers }, 201)).toMatchObject({ bulk_id });
  await badly("create_bulk", "idempotency_conflict", { body: { ...request, reason: "another" }, headers });
  await well("get_bulk", { params: { bulk_id } }, 200);
  await badly("get_bulk", "not_found", { params: { bulk_id: nobody } });
  expect(await well("list_bulk_items", { params: { bulk_id }, query: { status: "skipped", limit: 1 } }, 200)).toMatchObject({ items: [{ code: "aborted" }] });
  await badly("list_bulk_items", "not_found", { params: { bulk_id: nobody } });
  const nothing = await well("create_bulk", { body: { ...request, filter: { run_ids: [nobody] } } }, 201) as With<"bulk_id">;
  await badly("abort_bulk", "illegal_transition", { params: { bulk_id: nothing.bulk_id } });
  await well("create_bulk", { body: request }, 201); // the tick cancels the rest
}

async function schedules({ well, badly, tenant }: ContractCalls): Promise<string> {
  const times = { cron: "30 2 * * *", time_zone: "Europe/Brussels" };
  expect(await well("preview_times", { body: { ...times, count: 1, after: "2026-03-28T12:00:00Z" } }, 200)).toMatchObject({ items: [{ clock_change: "gap" }] });
  await badly("preview_times", "invalid_input", { body: { ...times, time_zone: "Mars/Olympus" } });
  const request = { ...times, name: "nightly", template_key, queue: aQueue(), parameters: { day: "${{ schedule.nominal_date }}" } };
  const { schedule_id } = await well("create_schedule", { body: request }, 201) as With<"schedule_id">;
  const params = { schedule_id };
  const unknown = { params: { schedule_id: nobody } };
  await badly("create_schedule", "conflict", { body: request });
  await badly("create_schedule", "invalid_parameters", { body: { ...request, parameters: { n: "seven" } } });
  await badly("create_schedule", "invalid_input", { body: { ...request, cron: "61 * * * *" } });
  expect(await well("list_schedules", { query: { environment_id: tenant.environment_id, template_key } }, 200)).toMatchObject({ items: [{ schedule_id }] });
  await badly("list_schedules", "invalid_input", { query: { cursor: "not a cursor" } });
  await well("get_schedule", { params }, 200);
  await badly("get_schedule", "not_found", unknown);
  expect(await well("update_schedule", { params, body: { name: "nightly 2", overlap: "allow_all", end_at: null } }, 200)).toMatchObject({ name: "nightly 2", cron: times.cron });
  await badly("update_schedule", "invalid_parameters", { params, body: { parameters: { n: "seven" } } });
  expect(await well("pause_schedule", { params, body: { note: "for now" } }, 200)).toMatchObject({ paused_note: "for now", next_time: null });
  await badly("pause_schedule", "not_found", unknown);
  expect(await well("resume_schedule", { params }, 200)).toMatchObject({ paused_at: null });
  await badly("resume_schedule", "not_found", unknown);
  await well("preview_schedule", { params, query: { count: 3 } }, 200);
  await badly("preview_schedule", "not_found", unknown);
  const headers = { "idempotency-key": randomUUID() };
  const { run_id } = await well("run_schedule", { params, headers }, 201) as With<"run_id">;
  expect(await well("run_schedule", { params, headers }, 200)).toMatchObject({ run_id, schedule_id });
  await badly("run_schedule", "not_found", unknown);
  expect(await well("list_fires", { params, query: { outcome: "started" } }, 200)).toMatchObject({ items: [{ run_id, manual: true }] });
  await badly("list_fires", "not_found", unknown);
  return schedule_id;
}

async function backfills({ well, badly, tenant }: ContractCalls, schedule_id: string): Promise<void> {
  const request = { template_key, unit: "day", time_zone: "Europe/Brussels", range_start: "2026-03-01T00:00:00+01:00", range_end: "2026-03-08T00:00:00+01:00", start_parameter: "day", max_active: 1, queue: aQueue() };
  expect(await well("preview_backfill", { body: request }, 200)).toMatchObject({ total: 7, to_run: 7, present: { missing: 7 } });
  await badly("preview_backfill", "not_found", { body: { ...request, template_key: "no_such_template" } });
  const headers = { "idempotency-key": randomUUID() };
  const { backfill_id } = await well("create_backfill", { body: request, headers }, 201) as With<"backfill_id">;
  const params = { backfill_id };
  const unknown = { params: { backfill_id: nobody } };
  expect(await well("create_backfill", { body: request, headers }, 200)).toMatchObject(params);
  await badly("create_backfill", "idempotency_conflict", { body: { ...request, max_active: 2 }, headers });
  await badly("create_backfill", "invalid_parameters", { body: { ...request, parameters: { n: "seven" } } });
  await well("list_backfills", { query: { environment_id: tenant.environment_id, status: "active" } }, 200);
  await badly("list_backfills", "invalid_input", { query: { status: "asleep" } });
  await well("get_backfill", { params }, 200);
  await badly("get_backfill", "not_found", unknown);
  await well("list_backfill_items", { params, query: { limit: 2 } }, 200);
  await badly("list_backfill_items", "not_found", unknown);
  expect(await well("pause_backfill", { params, body: { note: "for now" } }, 200)).toMatchObject({ status: "paused", note: "for now" });
  expect(await well("resume_backfill", { params }, 200)).toMatchObject({ status: "active" });
  expect(await well("cancel_backfill", { params, body: {} }, 200)).toMatchObject({ status: "canceled" });
  for (const name of ["pause_backfill", "resume_backfill"] as const) await badly(name, "illegal_transition", { params });
  await badly("cancel_backfill", "not_found", unknown);
  const { backfill_id: planned } = await well("create_backfill", { body: { schedule_id, range_start: request.range_start, range_end: request.range_end } }, 201) as With<"backfill_id">;
  await well("cancel_backfill", { params: { backfill_id: planned } }, 200);
}
