import { z } from "zod";
import { alertCondition, alertPreview, alertRule, notification, notificationMarks, savedAlertRule } from "./alert.ts";
import { auditHead, auditWalk } from "./audit.ts";
import { artifact, registerArtifactRequest } from "./artifact.ts";
import { advancedBackfill, backfill, backfillPreview, newBackfill } from "./backfill.ts";
import { cap, capAllowance } from "./cap.ts";
import { capPeriods, capUnits, connectionKinds, lineageDirections, webhookEvents } from "./words.ts";
import { checklist } from "./checklist.ts";
import { anyClaimsResponse, claim, createChildrenResponse, heartbeatResponse, runState } from "./claim.ts";
import { bulkJob, bulkPreview, createBulkRequest } from "./bulk.ts";
import { bigintText, capKey, capUse, jsonObject, sha256, timestamp, uuid, word } from "./common.ts";
import { controlPlaneArgument, controlPlaneExport, controlPlanePlan } from "./control-plane.ts";
import { beginPublishResponse, datasetVersion, pinInputsResponse, publishDatasetRequest } from "./dataset.ts";
import { deletionKinds, deletionPreview } from "./deletion.ts";
import { appendEventsResponse, newEvent } from "./event.ts";
import { explanation } from "./explain.ts";
import { failure, failureMarks, failureStates } from "./failure.ts";
import { executorDetail, executorHeartbeatResponse, executorToken, health, sweptResponse, updateExecutorRequest } from "./executor.ts";
import { overview } from "./overview.ts";
import { reportsResponse, runReport } from "./report.ts";
import { appendLogsResponse, compactedLog, logQuery, newLogChunk, runHead, storedLogChunk, storedLogs } from "./log.ts";
import { lineageReceiver, lineageRecords, takenLineage } from "./lineage-receiver.ts";
import { columnLineageGraph, openLineageEvent, recordLineageResponse, storedLineageGraph } from "./lineage.ts";
import { newQualityResult, recordQualityResponse } from "./quality.ts";
import { apiToken } from "./api-token.ts";
import { invitation, member, openInvitation } from "./member.ts";
import { environment, principal, role } from "./role.ts";
import { searchHit } from "./search.ts";
import { session } from "./session.ts";
import { createdRunIds, createRunsResponse, run, runCountFilter, runCounts, runPhase, setPhaseRequest } from "./run.ts";
import { putSignalsRequest, putSignalWeightsRequest, runScore, signals, signalWeights } from "./score.ts";
import { dueSchedules, firedSchedule, newSchedule, schedule, updateScheduleRequest } from "./schedule.ts";
import { template } from "./template.ts";
import { connection } from "./connection.ts";
import { environmentKey, runSecrets, secret } from "./secret.ts";
import { publicKey } from "./sealing.ts";
import { saveViewRequest, view, viewLists, views } from "./view.ts";
import { delivery, takenDelivery, webhook } from "./webhook.ts";

const leased = { run_id: uuid, lease_token: uuid };

const runRequest = z.object({
  template_key: word.optional(), template_version: z.int().optional(),
  spec_text: z.string().optional().describe("canonical JSON of an inline spec"), parameters: jsonObject, priority: z.int(), queue: word, labels: z.array(z.string()),
  run_after: timestamp.optional(), expires_at: timestamp.optional(), concurrency_key: z.string().optional(), concurrency_limit: z.int().optional(), max_attempts: z.int(),
  timeout_seconds: z.int().optional(), caps: z.array(capUse).optional(), debounce_key: z.string().optional(), debounce_seconds: z.number().optional(),
  git_sha: z.string().optional(), trigger: z.enum(["manual", "api"]), idempotency_key: z.string().max(200).optional(),
});
const createRunArgs = runRequest.extend({ environment_id: uuid });
/** By slugs, each of which may be left out where one environment fits. */
const createNamedRunArgs = runRequest.extend({ environment: z.string().optional(), project: z.string().optional() });

/**
 * The functions of schema `ops`: name → named arguments and what they return (always one JSON value). A parity test
 * holds names and arguments against the database. Optional arguments have SQL defaults.
 */
export const rpc = {
  whoami: { args: z.object({}), returns: principal },
  health: { args: z.object({}), returns: health.pick({ schema_version: true, queue_depth: true, scheduler_lag_seconds: true }) },
  tick: { args: z.object({}), returns: sweptResponse },
  create_run: { args: z.object({ request: z.union([createRunArgs, createNamedRunArgs]) }), returns: z.object({ run, created: z.boolean() }) },
  create_runs: { args: z.object({ requests: z.array(z.union([createRunArgs, createNamedRunArgs])), ids_only: z.boolean().optional() }), returns: z.union([createRunsResponse, createdRunIds]) },
  cancel_run: { args: z.object({ run_id: uuid, reason: z.string().nullable().optional() }), returns: run },
  retry_run: { args: z.object({ run_id: uuid, mode: z.enum(["all", "failed", "verify"]).optional(), definition: z.enum(["pinned", "current"]).optional(), idempotency_key: z.string().nullable().optional() }), returns: run },
  claim_runs: {
    args: z.object({
      max_runs: z.int().optional(), queues: z.array(word).optional(), labels: z.array(z.string()).optional(), lease_seconds: z.int().optional(),
      run_id: uuid.nullable().optional(), version: z.string().nullable().optional(), hostname: z.string().nullable().optional(), start: z.boolean().optional(), share_specs: z.boolean().optional(),
    }),
    returns: anyClaimsResponse,
  },
  claim_run: { args: z.object({ executor_id: uuid, lease_seconds: z.int().optional() }), returns: claim.nullable() },
  start_run: { args: z.object(leased), returns: runState },
  heartbeat_run: { args: z.object({ ...leased, phase: word.nullable().optional(), lease_seconds: z.int().nullable().optional(), usage: jsonObject.optional() }), returns: heartbeatResponse },
  append_events: { args: z.object({ ...leased, events: z.array(newEvent) }), returns: appendEventsResponse },
  append_logs: { args: z.object({ ...leased, chunks: z.array(newLogChunk) }), returns: appendLogsResponse },
  read_logs: { args: z.object({ run_id: uuid, query: logQuery.partial().optional() }), returns: storedLogs },
  read_heads: { args: z.object({ runs: z.array(uuid) }), returns: z.record(uuid, runHead) },
  take_logs: { args: z.object({ at_most: z.int() }), returns: z.array(z.object({ run_id: uuid, environment_id: uuid, phases: z.array(z.string().nullable()) })) },
  read_log_chunks: { args: z.object({ run_id: uuid, phase: z.string().nullable(), after: z.int() }), returns: z.array(storedLogChunk) },
  compact_logs: { args: z.object({ run_id: uuid, files: z.array(compactedLog) }), returns: z.boolean() },
  set_phase: { args: z.object({ ...leased, name: word, patch: setPhaseRequest }), returns: runPhase },
  pin_inputs: { args: z.object({ ...leased, datasets: z.array(z.string()).optional(), sources: jsonObject.optional() }), returns: pinInputsResponse },
  record_object: { args: z.object({ environment_id: uuid, sha256, byte_size: bigintText, receipt: z.string() }), returns: z.object({ sha256, byte_size: bigintText }) },
  object_stored: { args: z.object({ environment_id: uuid, sha256 }), returns: z.boolean() },
  register_artifact: { args: z.object({ ...leased, artifact: registerArtifactRequest }), returns: artifact },
  begin_publish: { args: z.object({ ...leased, phase: z.string(), datasets: z.array(z.string()), retain_hours: z.int().optional() }), returns: beginPublishResponse },
  record_quality: { args: z.object({ ...leased, phase: z.string(), results: z.array(newQualityResult) }), returns: recordQualityResponse },
  publish_dataset: { args: z.object({ ...leased, dataset: publishDatasetRequest }), returns: datasetVersion },
  create_children: {
    args: z.object({ ...leased, phase: word, spec_text: z.string().describe("canonical JSON"), children: z.array(z.object({ key: z.string(), parameters: jsonObject })), max_active: z.int().nullable().optional() }),
    returns: createChildrenResponse,
  },
  wait_for_children: { args: z.object(leased), returns: runState },
  settle_children: { args: z.object({}), returns: z.object({ woken: z.int(), canceled: z.int() }) },
  release_run: { args: z.object({ ...leased, reason: z.string().optional(), labels: z.array(z.string()).optional() }), returns: runState },
  complete_run: { args: z.object({ ...leased, output_manifest: jsonObject.optional() }), returns: runState },
  fail_run: {
    args: z.object({ ...leased, error_code: word, error_message: z.string(), error_data: jsonObject.optional(), permanent: z.boolean().optional(), retry_after_seconds: z.number().nullable().optional() }),
    returns: runState,
  },
  report_runs: { args: z.object({ reports: z.array(runReport) }), returns: reportsResponse },
  list_caps: { args: z.object({ environment_id: uuid.nullable().optional(), after_key: z.string().nullable().optional(), after_cap_id: uuid.nullable().optional(), max_items: z.int().optional() }), returns: z.array(cap) },
  get_cap: { args: z.object({ cap_id: uuid }), returns: cap },
  save_cap: {
    args: z.object({
      request: z.object({
        cap_id: uuid.optional().describe("of the cap to change; without it one is made"),
        environment_id: uuid.optional(), project_id: uuid.optional(), organization_id: uuid.optional().describe("one of the three, for a new cap"), cap_key: capKey.optional(), unit: z.enum(capUnits).optional(), period: z.enum(capPeriods).optional(),
        time_zone: z.string().optional(), limit_amount: z.string().optional(), enabled: z.boolean().optional(),
      }),
    }),
    returns: cap,
  },
  delete_cap: { args: z.object({ cap_id: uuid }), returns: z.boolean() },
  cap_allow: { args: z.object({ cap_key: capKey, amount: z.number().optional(), environment_id: uuid.nullable().optional(), run_id: uuid.nullable().optional(), lease_token: uuid.nullable().optional() }), returns: capAllowance },
  read_overview: { args: z.object({ environment_id: uuid, from_at: timestamp, to_at: timestamp, step_seconds: z.int() }), returns: overview },
  search: { args: z.object({ environment_id: uuid, query: z.string() }), returns: z.array(searchHit) },
  read_checklist: { args: z.object({ environment_id: uuid }), returns: checklist },
  rename_scope: { args: z.object({ kind: z.enum(["organization", "project", "environment"]), id: uuid, name: z.string() }), returns: z.boolean() },
  list_views: { args: z.object({ project_id: uuid, list: z.enum(viewLists) }), returns: views },
  save_view: { args: z.object({ request: saveViewRequest }), returns: view },
  delete_view: { args: z.object({ view_id: uuid }), returns: z.boolean() },
  put_personal_setting: { args: z.object({ project_id: uuid, key: z.string(), value: z.string().nullable() }), returns: z.boolean() },
  read_lineage_records: { args: z.object({ run_id: uuid }), returns: lineageRecords },
  get_lineage_receiver: { args: z.object({ environment_id: uuid }), returns: lineageReceiver },
  put_lineage_receiver: { args: z.object({ environment_id: uuid, url: z.string(), enabled: z.boolean().optional(), sealed_key: z.string().nullable().optional(), keep_key: z.boolean().optional() }), returns: lineageReceiver },
  delete_lineage_receiver: { args: z.object({ environment_id: uuid }), returns: z.boolean() },
  take_lineage: { args: z.object({ at_most: z.int().optional() }), returns: z.array(takenLineage) },
  settle_lineage: {
    args: z.object({ environment_id: uuid, attempt: z.int(), told: z.array(z.object({ run_id: uuid, seq: z.int(), ended: z.boolean() })), delivered: z.int(), refused: z.int().optional(), http_status: z.int().nullable().optional(), error: z.string().nullable().optional() }),
    returns: z.boolean(),
  },
  record_lineage: { args: z.object({ environment_id: uuid, events: z.array(openLineageEvent) }), returns: recordLineageResponse },
  read_lineage: {
    args: z.object({ environment_id: uuid, node_id: uuid.optional(), dataset: z.string().optional(), direction: z.enum(lineageDirections).optional(), depth: z.int().optional(), search: z.string().optional(), most: z.int().optional(), after: z.string().optional() }),
    returns: storedLineageGraph,
  },
  read_column_lineage: {
    args: z.object({ environment_id: uuid, node_id: uuid.optional(), dataset: z.string().optional(), column_name: z.string().optional(), direction: z.enum(lineageDirections).optional(), depth: z.int().optional(), most: z.int().optional() }),
    returns: columnLineageGraph,
  },
  list_failures: { args: z.object({ environment_id: uuid, state: z.enum(failureStates).optional() }), returns: z.array(failure) },
  mark_failure: { args: z.object({ run_id: uuid, mark: z.enum([...failureMarks, "none"]), reason: z.string().nullable().optional() }), returns: failure },
  explain_run: { args: z.object({ run_id: uuid }), returns: explanation },
  requeue_stale_runs: { args: z.object({ stale_minutes: z.number().optional() }), returns: z.object({ requeued: z.int(), ended: z.int() }) },
  save_template: {
    args: z.object({ project_id: uuid, spec_text: z.string().describe("canonical JSON"), source_text: z.string().nullable().optional(), git_sha: z.string().nullable().optional(), base_version: z.int().nullable().optional() }),
    returns: z.object({ template, created: z.boolean() }),
  },
  export_control_plane: { args: z.object({ project_id: uuid }), returns: controlPlaneExport },
  plan_control_plane: { args: z.object({ project_id: uuid, document: controlPlaneArgument, prune: z.boolean().optional() }), returns: controlPlanePlan },
  apply_control_plane: { args: z.object({ project_id: uuid, document: controlPlaneArgument, prune: z.boolean(), state_sha256: sha256, after_sha256: sha256 }), returns: controlPlanePlan },
  count_runs: { args: z.object({ environment_id: uuid, filter: runCountFilter.optional() }), returns: runCounts },
  create_bulk: { args: z.object({ request: createBulkRequest.extend({ idempotency_key: z.string().optional() }) }), returns: z.union([bulkJob, bulkPreview]) },
  abort_bulk: { args: z.object({ bulk_id: uuid }), returns: bulkJob },
  advance_bulk_jobs: { args: z.object({ at_most: z.int().optional() }), returns: z.int() },
  save_alert_rule: { args: z.object({ request: savedAlertRule }), returns: alertRule },
  delete_alert_rule: { args: z.object({ alert_rule_id: uuid }), returns: z.boolean() },
  preview_alert_rule: { args: z.object({ environment_id: uuid, condition: alertCondition, for_minutes: z.int().optional() }), returns: alertPreview },
  check_alert_rules: { args: z.object({ at_most: z.int().optional() }), returns: z.object({ judged: z.int(), turned: z.int() }) },
  mark_notification: { args: z.object({ notification_id: uuid, mark: z.enum(notificationMarks), minutes: z.int().nullable().optional() }), returns: notification },
  check_freshness: { args: z.object({}), returns: z.int() },
  score_ended_runs: { args: z.object({ at_most: z.int().optional() }), returns: z.int() },
  compute_run_score: { args: z.object({ run_id: uuid }), returns: runScore },
  put_signals: { args: z.object({ ...leased, signals: putSignalsRequest.shape.signals }), returns: signals },
  get_signal_weights: { args: z.object({ project_id: uuid }), returns: signalWeights },
  put_signal_weights: { args: z.object({ project_id: uuid, weights: putSignalWeightsRequest.shape.weights }), returns: signalWeights },
  create_executor: { args: z.object({ project_id: uuid, name: z.string(), environments: z.array(z.string()), allowed_queues: z.array(word).nullable().optional() }), returns: executorDetail },
  update_executor: { args: z.object({ executor_id: uuid, patch: updateExecutorRequest }), returns: executorDetail },
  delete_executor: { args: z.object({ executor_id: uuid }), returns: z.boolean() },
  create_executor_token: { args: z.object({ executor_id: uuid, token_sha256: sha256, prefix: z.string(), expires_at: timestamp, overlap_seconds: z.int().nullable().optional() }), returns: executorToken },
  revoke_executor_token: { args: z.object({ executor_id: uuid, executor_token_id: uuid }), returns: executorToken },
  heartbeat_executor: { args: z.object({ executor_id: uuid, version: z.string().nullable().optional(), hostname: z.string().nullable().optional() }), returns: executorHeartbeatResponse },
  put_environment_key: { args: z.object({ environment_id: uuid, public_key: publicKey }), returns: environmentKey },
  retire_environment_key: { args: z.object({ environment_id: uuid, kid: z.string() }), returns: environmentKey },
  reseal_secrets: { args: z.object({ environment_id: uuid }), returns: run },
  list_secrets: { args: z.object({ environment_id: uuid }), returns: z.array(secret) },
  put_secret: { args: z.object({ environment_id: uuid, name: z.string(), sealed: z.string() }), returns: secret },
  delete_secret: { args: z.object({ environment_id: uuid, name: z.string() }), returns: z.boolean() },
  get_run_secrets: { args: z.object(leased), returns: runSecrets },
  reseal_secret: { args: z.object({ ...leased, name: z.string(), version: z.int(), sealed: z.string() }), returns: z.boolean() },
  list_connections: { args: z.object({ environment_id: uuid }), returns: z.array(connection) },
  get_connection: { args: z.object({ connection_id: uuid }), returns: connection },
  save_connection: {
    args: z.object({
      request: z.object({
        connection_id: uuid.optional().describe("of the connection to change; without it one is made"), environment_id: uuid.optional(), name: z.string().optional(),
        kind: z.enum(connectionKinds), settings: jsonObject, secret_name: z.string().nullable().optional(),
      }),
    }),
    returns: connection,
  },
  delete_connection: { args: z.object({ connection_id: uuid }), returns: z.boolean() },
  test_connection: { args: z.object({ connection_id: uuid }), returns: run },
  put_webhook: { args: z.object({ project_id: uuid, url: z.string(), enabled: z.boolean().optional(), events: z.array(z.enum(webhookEvents)).optional() }), returns: webhook },
  delete_webhook: { args: z.object({ project_id: uuid }), returns: z.boolean() },
  test_webhook: { args: z.object({ project_id: uuid }), returns: delivery },
  retry_delivery: { args: z.object({ delivery_id: uuid }), returns: delivery },
  list_members: { args: z.object({ organization_id: uuid, after: uuid.nullable().optional(), at_most: z.int().optional() }), returns: z.array(member) },
  change_member: { args: z.object({ membership_id: uuid, role }), returns: member },
  remove_member: { args: z.object({ membership_id: uuid }), returns: z.boolean() },
  invite_member: { args: z.object({ organization_id: uuid, project_id: uuid.nullable().optional(), environment_id: uuid.nullable().optional(), email: z.string(), role, token_sha256: sha256, expires_at: timestamp }), returns: invitation },
  revoke_invitation: { args: z.object({ invitation_id: uuid }), returns: z.boolean() },
  get_invitation: { args: z.object({ token: z.string() }), returns: openInvitation },
  accept_invitation: { args: z.object({ token: z.string() }), returns: member },
  create_api_token: { args: z.object({ project_id: uuid, environment_id: uuid.nullable().optional(), name: z.string(), role, token_sha256: sha256, prefix: z.string(), expires_at: timestamp }), returns: apiToken },
  rotate_api_token: { args: z.object({ api_token_id: uuid, token_sha256: sha256, prefix: z.string(), expires_at: timestamp, overlap_seconds: z.int() }), returns: apiToken },
  revoke_api_token: { args: z.object({ api_token_id: uuid }), returns: apiToken },
  create_organization: { args: z.object({ slug: z.string(), name: z.string(), project_slug: z.string(), project_name: z.string(), environment_slug: z.string(), environment_name: z.string() }), returns: environment },
  create_project: { args: z.object({ organization_id: uuid, slug: z.string(), name: z.string(), environment_slug: z.string(), environment_name: z.string() }), returns: environment },
  create_environment: { args: z.object({ project_id: uuid, slug: z.string(), name: z.string() }), returns: environment },
  list_sessions: { args: z.object({}), returns: z.array(session) },
  revoke_session: { args: z.object({ session_id: uuid }), returns: z.boolean() },
  watch_executors: { args: z.object({}), returns: z.int() },
  take_deliveries: { args: z.object({ at_most: z.int().optional() }), returns: z.array(takenDelivery) },
  settle_delivery: { args: z.object({ delivery_id: uuid, attempt: z.int(), http_status: z.int().nullable().optional(), error: z.string().nullable().optional() }), returns: z.boolean() },
  create_schedule: { args: z.object({ schedule: newSchedule }), returns: schedule },
  update_schedule: { args: z.object({ schedule_id: uuid, patch: updateScheduleRequest }), returns: schedule },
  delete_schedule: { args: z.object({ schedule_id: uuid }), returns: schedule },
  pause_schedule: { args: z.object({ schedule_id: uuid, note: z.string().nullable().optional() }), returns: schedule },
  resume_schedule: { args: z.object({ schedule_id: uuid }), returns: schedule },
  run_schedule: { args: z.object({ schedule_id: uuid, idempotency_key: z.string().nullable().optional() }), returns: z.object({ run, created: z.boolean() }) },
  due_schedules: { args: z.object({ at_most: z.int().optional() }), returns: dueSchedules },
  fire_schedule: {
    args: z.object({ schedule_id: uuid, expected_after: timestamp, nominal_times: z.array(timestamp), next_time: timestamp.nullable().optional(), problem: z.string().nullable().optional() }),
    returns: firedSchedule,
  },
  preview_backfill: { args: z.object({ request: newBackfill, starts: z.array(timestamp) }), returns: backfillPreview },
  create_backfill: { args: z.object({ request: newBackfill, starts: z.array(timestamp) }), returns: z.object({ backfill, created: z.boolean() }) },
  pause_backfill: { args: z.object({ backfill_id: uuid, note: z.string().nullable().optional() }), returns: backfill },
  resume_backfill: { args: z.object({ backfill_id: uuid }), returns: backfill },
  cancel_backfill: { args: z.object({ backfill_id: uuid, note: z.string().nullable().optional() }), returns: backfill },
  advance_backfill: { args: z.object({}), returns: advancedBackfill },
  seal_audit: { args: z.object({ at_most: z.int().optional() }), returns: z.int() },
  take_audit_heads: { args: z.object({ at_most: z.int().optional() }), returns: z.array(auditHead.pick({ organization_id: true, number: true, seq: true, hash: true })) },
  note_audit_head: { args: z.object({ organization_id: uuid, number: z.int(), seq: bigintText }), returns: z.boolean() },
  verify_audit: { args: z.object({ organization_id: uuid, after_seq: bigintText.optional(), at_most: z.int().optional() }), returns: auditWalk },
  preview_deletion: { args: z.object({ kind: z.enum(deletionKinds), id: uuid }), returns: deletionPreview },
  delete_scope: { args: z.object({ kind: z.enum(deletionKinds), id: uuid, typed_name: z.string() }), returns: z.boolean() },
  advance_deletions: { args: z.object({ at_most: z.int().optional() }), returns: z.int() },
  take_orphans: { args: z.object({ at_most: z.int().optional() }), returns: z.array(sha256) },
  settle_orphans: { args: z.object({ removed: z.array(sha256) }), returns: z.int() },
} as const satisfies Record<string, { args: z.ZodType; returns: z.ZodType }>;

export type RpcName = keyof typeof rpc;
export type RpcArgs<N extends RpcName> = z.input<(typeof rpc)[N]["args"]>;
export type RpcReturns<N extends RpcName> = z.output<(typeof rpc)[N]["returns"]>;
