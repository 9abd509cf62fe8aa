import { z } from "zod";
import { artifactPage, artifactPreview, artifact, registerArtifactRequest, storedObject, uploadUrlRequest, uploadUrlResponse } from "./artifact.ts";
import { auditPage, auditVerification, exportAuditQuery, listAuditQuery, verifyAuditQuery } from "./audit.ts";
import { bulkItemPage, bulkJob, bulkPreview, createBulkRequest, listBulkItemsQuery } from "./bulk.ts";
import { anyClaimsResponse, claimRequest, completeRequest, createChildrenRequest, createChildrenResponse, failRequest, heartbeatRequest, heartbeatResponse, releaseRequest, runState } from "./claim.ts";
import { backfill, backfillItemPage, backfillPage, backfillPreview, createBackfillRequest, listBackfillsQuery, listItemsQuery } from "./backfill.ts";
import { cap, capAllowRequest, capAllowance, capPage, changeCapRequest, createCapRequest, listCapsQuery } from "./cap.ts";
import { pageQuery, sha256, uuid, word } from "./common.ts";
import { applyControlPlaneRequest, controlPlaneExport, controlPlanePlan, planControlPlaneRequest, projectSlugQuery } from "./control-plane.ts";
import { beginPublishRequest, beginPublishResponse, datasetHistory, datasetPage, datasetVersion, listDatasetsQuery, pinInputsRequest, pinInputsResponse, publishDatasetRequest } from "./dataset.ts";
import { listQualityQuery, qualityPage, recordQualityRequest, recordQualityResponse } from "./quality.ts";
import { deleteRequest, deletionPreview, deletionQuery } from "./deletion.ts";
import type { ErrorCode } from "./error.ts";
import { appendEventsRequest, appendEventsResponse, eventPage, listEventsQuery } from "./event.ts";
import { freshnessPage, freshnessSignalPage, listFreshnessQuery, listFreshnessSignalsQuery } from "./freshness.ts";
import { explanation } from "./explain.ts";
import { failure, failureList, listFailuresQuery, markFailureRequest } from "./failure.ts";
import {
  createExecutorRequest, createExecutorTokenRequest, executorDetail, executorHeartbeatRequest, executorHeartbeatResponse, executorTokenPage, newExecutorToken, updateExecutorRequest,
  executorPage, health, listExecutorsQuery, tickResponse,
} from "./executor.ts";
import { changeConnectionRequest, connection, connectionPage, createConnectionRequest } from "./connection.ts";
import { addEnvironmentKeyRequest, environmentKey, environmentKeyPage, kid, placeQuery, putSecretRequest, resealRequest, resealResponse, runSecrets, secret, secretPage } from "./secret.ts";
import { provenanceEnvelope } from "./provenance.ts";
import { reportsRequest, reportsResponse } from "./report.ts";
import { columnLineageGraph, columnLineageQuery, lineageBatch, lineageBatchResponse, lineageGraph, lineageQuery, lineageReaderPage, lineageReadersQuery, openLineageEvent, recordLineageQuery, recordLineageResponse, runEvents } from "./lineage.ts";
import { appendLogsRequest, appendLogsResponse, listLogsQuery, logPage } from "./log.ts";
import { apiTokenPage, createApiTokenRequest, listApiTokensQuery, newApiToken, rotateApiTokenRequest } from "./api-token.ts";
import { acceptInvitationRequest, changeMemberRequest, invitationPage, inviteMemberRequest, listInvitationsQuery, listMembersQuery, member, memberPage, newInvitation } from "./member.ts";
import { createEnvironmentRequest, createOrganizationRequest, createProjectRequest, environment, principal } from "./role.ts";
import { searchHits, searchQuery } from "./search.ts";
import { sessionPage } from "./session.ts";
import { cancelRunRequest, createRunRequest, createRunsRequest, createdRunIds, createRunsResponse, listRunsQuery, retryRunRequest, run, runComparison, runCountFilter, runCounts, runPage, runPhase, setPhaseRequest } from "./run.ts";
import { putSignalsRequest, putSignalWeightsRequest, runScore, signals, signalWeights } from "./score.ts";
import { createScheduleRequest, listFiresQuery, listSchedulesQuery, pauseRequest, previewScheduleQuery, previewScheduleRequest, schedule, scheduleFirePage, schedulePage, scheduleTimes, updateScheduleRequest } from "./schedule.ts";
import { listTemplatesQuery, saveTemplateRequest, templateDetail, templatePage, templateVersionDetail, templateVersionPage, validateTemplateRequest, validateTemplateResponse } from "./template.ts";
import { delivery, deliveryPage, listDeliveriesQuery, projectQuery, putWebhookRequest, webhook, webhookKey } from "./webhook.ts";
import { verification } from "./verification.ts";
import type { RpcName } from "./rpc.ts";

/** How a caller proves who they are: nobody, any principal, an executor that holds the lease, or the scheduler's secret. */
export type Access = "public" | "member" | "executor" | "lease" | "scheduler";
export type Body = { kind: "json"; schema: z.ZodType; limit_bytes: number } | { kind: "bytes" };
export type Answer = z.ZodType | "empty" | "bytes" | "openapi";
export interface Operation {
  group: "service" | "runs" | "executing" | "objects" | "registry";
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  summary: string;
  access: Access;
  params?: Record<string, z.ZodType>;
  query?: z.ZodObject;
  headers?: Record<string, { schema: z.ZodType; required: boolean; description: string }>;
  body?: Body;
  answers: Record<number, Answer>;
  /** Beside those that every operation of its access may give. */
  errors: ErrorCode[];
  /** The one RPC behind it, where there is one: the same call works on PostgREST. */
  rpc?: RpcName;
  /** Also answers text/event-stream where the caller accepts it. */
  streams?: boolean;
}

const kB = 1024;
const jsonBody = <S extends z.ZodType>(schema: S, limit_bytes = 256 * kB) => ({ kind: "json" as const, schema, limit_bytes });
const runId = { run_id: uuid };
const executorId = { executor_id: uuid };
const scheduleId = { schedule_id: uuid };
const connectionId = { connection_id: uuid };
const backfillId = { backfill_id: uuid };
const lease = { "Lease-Token": { schema: uuid, required: true, description: "lease_token of the claim" } };
const idempotency = { "Idempotency-Key": { schema: z.string().min(1).max(200), required: false, description: "the same key answers the same run" } };
const fenced: ErrorCode[] = ["not_found", "lease_lost", "run_finished"];

/** Every operation of /api/v1; the route tree and openapi.yaml are held against this by tests. */
export const operations = {
  get_health: { group: "service", method: "GET", path: "/health", summary: "State of the service", access: "public", answers: { 200: health, 503: health }, errors: [] },
  get_openapi: { group: "service", method: "GET", path: "/openapi.json", summary: "This contract", access: "public", answers: { 200: "openapi" }, errors: [] },
  get_tick: { group: "service", method: "GET", path: "/internal/tick", summary: "One scheduler tick (for cron services that only GET)", access: "scheduler", answers: { 200: tickResponse }, errors: [], rpc: "tick" },
  post_tick: { group: "service", method: "POST", path: "/internal/tick", summary: "One scheduler tick", access: "scheduler", answers: { 200: tickResponse }, errors: [], rpc: "tick" },
  whoami: { group: "service", method: "GET", path: "/whoami", summary: "The caller and the environments it sees", access: "member", answers: { 200: principal }, errors: [], rpc: "whoami" },

  search: { group: "service", method: "GET", path: "/search", summary: "Everything that is named so, or has this id or hash", access: "member", query: searchQuery, answers: { 200: searchHits }, errors: ["not_found"], rpc: "search" },

  create_run: { group: "runs", method: "POST", path: "/runs", summary: "Queue a run", access: "member", headers: idempotency, body: jsonBody(createRunRequest, 4096 * kB), answers: { 200: run, 201: run }, errors: ["not_found", "invalid_spec", "invalid_parameters", "idempotency_conflict"], rpc: "create_run" },
  create_runs: { group: "runs", method: "POST", path: "/runs/batch", summary: "Queue many runs, each queued or refused for itself", access: "member", body: jsonBody(createRunsRequest, 4096 * kB), answers: { 200: z.union([createRunsResponse, createdRunIds]) }, errors: [], rpc: "create_runs" },
  list_runs: { group: "runs", method: "GET", path: "/runs", summary: "Runs, newest first", access: "member", query: listRunsQuery, answers: { 200: runPage }, errors: ["not_found"] },
  count_runs: { group: "runs", method: "GET", path: "/runs/counts", summary: "How many runs fit, by status", access: "member", query: runCountFilter.extend({ environment_id: uuid }), answers: { 200: runCounts }, errors: ["not_found"], rpc: "count_runs" },
  get_run: { group: "runs", method: "GET", path: "/runs/{run_id}", summary: "One run", access: "member", params: runId, answers: { 200: run }, errors: ["not_found"] },
  cancel_run: { group: "runs", method: "POST", path: "/runs/{run_id}/cancel", summary: "Cancel a run", access: "member", params: runId, body: jsonBody(cancelRunRequest), answers: { 200: run }, errors: ["not_found", "run_finished"], rpc: "cancel_run" },
  retry_run: { group: "runs", method: "POST", path: "/runs/{run_id}/retry", summary: "Run again as a new run", access: "member", params: runId, headers: idempotency, body: jsonBody(retryRunRequest), answers: { 201: run }, errors: ["not_found", "illegal_transition", "idempotency_conflict"], rpc: "retry_run" },
  list_failures: { group: "runs", method: "GET", path: "/failures", summary: "Failed runs that nobody has dealt with", access: "member", query: listFailuresQuery, answers: { 200: failureList }, errors: ["not_found"], rpc: "list_failures" },
  mark_failure: { group: "runs", method: "PUT", path: "/runs/{run_id}/failure-mark", summary: "Acknowledge or waive a failure, or put it back", access: "member", params: runId, body: jsonBody(markFailureRequest), answers: { 200: failure }, errors: ["not_found", "illegal_transition"], rpc: "mark_failure" },
  get_run_score: { group: "runs", method: "GET", path: "/runs/{run_id}/score", summary: "How well it went, and what cost most", access: "member", params: runId, answers: { 200: runScore }, errors: ["not_found"] },
  compute_run_score: { group: "runs", method: "POST", path: "/runs/{run_id}/score", summary: "Compute the score again, with the present weights", access: "member", params: runId, answers: { 200: runScore }, errors: ["not_found", "illegal_transition"], rpc: "compute_run_score" },
  create_bulk: { group: "runs", method: "POST", path: "/runs/bulk", summary: "Cancel or repeat all runs that fit a filter, as a job", access: "member", headers: idempotency, body: jsonBody(createBulkRequest), answers: { 200: bulkPreview, 201: bulkJob }, errors: ["empty_filter", "too_many_runs", "not_found", "idempotency_conflict"], rpc: "create_bulk" },
  get_bulk: { group: "runs", method: "GET", path: "/bulk/{bulk_id}", summary: "A bulk job and how far it is", access: "member", params: { bulk_id: uuid }, answers: { 200: bulkJob }, errors: ["not_found"] },
  list_bulk_items: { group: "runs", method: "GET", path: "/bulk/{bulk_id}/items", summary: "What became of each run of a bulk job", access: "member", params: { bulk_id: uuid }, query: listBulkItemsQuery, answers: { 200: bulkItemPage }, errors: ["not_found"] },
  abort_bulk: { group: "runs", method: "POST", path: "/bulk/{bulk_id}/abort", summary: "Leave the rest of a bulk job undone", access: "member", params: { bulk_id: uuid }, answers: { 200: bulkJob }, errors: ["not_found", "illegal_transition"], rpc: "abort_bulk" },
  list_phases: { group: "runs", method: "GET", path: "/runs/{run_id}/phases", summary: "Phases of a run, in order", access: "member", params: runId, answers: { 200: z.object({ items: z.array(runPhase), next_cursor: z.null() }).meta({ id: "RunPhasePage" }) }, errors: ["not_found"] },
  list_events: { group: "runs", method: "GET", path: "/runs/{run_id}/events", summary: "Events of a run, oldest first, or live as Server-Sent Events", access: "member", params: runId, query: listEventsQuery, headers: { "Last-Event-ID": { schema: z.string().regex(/^\d{1,10}$/), required: false, description: "seq to go on after (streams)" } }, answers: { 200: eventPage }, errors: ["not_found"], streams: true },
  list_logs: { group: "runs", method: "GET", path: "/runs/{run_id}/logs", summary: "Lines that a run printed: a range, a search over all of them, or live as Server-Sent Events", access: "member", params: runId, query: listLogsQuery, headers: { "Last-Event-ID": { schema: z.string().regex(/^\d{1,10}$/), required: false, description: "line to go on after (streams)" } }, answers: { 200: logPage }, errors: ["not_found", "storage_unavailable"], streams: true },
  list_artifacts: { group: "runs", method: "GET", path: "/runs/{run_id}/artifacts", summary: "Artifacts of a run", access: "member", params: runId, answers: { 200: artifactPage }, errors: ["not_found"] },
  compare_runs: { group: "runs", method: "GET", path: "/runs/{run_id}/compare/{other_run_id}", summary: "Are the outputs equal?", access: "member", params: { run_id: uuid, other_run_id: uuid }, answers: { 200: runComparison }, errors: ["not_found"] },
  get_verification: { group: "runs", method: "GET", path: "/runs/{run_id}/verification", summary: "What the newest verification of the run found: equal, or which tables, columns and rows differ", access: "member", params: runId, answers: { 200: verification }, errors: ["not_found", "storage_unavailable"] },
  get_provenance: { group: "runs", method: "GET", path: "/runs/{run_id}/provenance", summary: "The signed statement (in-toto in DSSE, Ed25519) of what a succeeded run consumed and produced", access: "member", params: runId, answers: { 200: provenanceEnvelope }, errors: ["not_found", "illegal_transition"] },
  get_run_openlineage: { group: "runs", method: "GET", path: "/runs/{run_id}/openlineage", summary: "The run and its phases as OpenLineage events", access: "member", params: runId, answers: { 200: runEvents }, errors: ["not_found"] },

  explain_run: { group: "runs", method: "GET", path: "/runs/{run_id}/explain", summary: "Why is it not running? Every rule that blocks it, with the row that does", access: "member", params: runId, answers: { 200: explanation }, errors: ["not_found"], rpc: "explain_run" },

  claim_runs: { group: "executing", method: "POST", path: "/claims", summary: "Claim runs under a lease", access: "executor", body: jsonBody(claimRequest), answers: { 200: anyClaimsResponse, 204: "empty" }, errors: [], rpc: "claim_runs" },
  start_run: { group: "executing", method: "POST", path: "/runs/{run_id}/start", summary: "The executor begins", access: "lease", params: runId, headers: lease, answers: { 200: runState }, errors: [...fenced, "illegal_transition"], rpc: "start_run" },
  heartbeat_run: { group: "executing", method: "POST", path: "/runs/{run_id}/heartbeat", summary: "Renew the lease; learn of a cancellation", access: "lease", params: runId, headers: lease, body: jsonBody(heartbeatRequest), answers: { 200: heartbeatResponse }, errors: fenced, rpc: "heartbeat_run" },
  append_events: { group: "executing", method: "POST", path: "/runs/{run_id}/events", summary: "Append events", access: "lease", params: runId, headers: lease, body: jsonBody(appendEventsRequest, 4096 * kB), answers: { 200: appendEventsResponse }, errors: [...fenced, "event_conflict"], rpc: "append_events" },
  append_logs: { group: "executing", method: "POST", path: "/runs/{run_id}/logs", summary: "Append lines to the run's log", access: "lease", params: runId, headers: lease, body: jsonBody(appendLogsRequest, 4096 * kB), answers: { 200: appendLogsResponse }, errors: [...fenced, "conflict"], rpc: "append_logs" },
  set_phase: { group: "executing", method: "PUT", path: "/runs/{run_id}/phases/{name}", summary: "Move a phase on", access: "lease", params: { run_id: uuid, name: word }, headers: lease, body: jsonBody(setPhaseRequest, 1024 * kB), answers: { 200: runPhase }, errors: [...fenced, "illegal_transition"], rpc: "set_phase" },
  pin_inputs: { group: "executing", method: "POST", path: "/runs/{run_id}/inputs", summary: "Pin the dataset versions that the run reads", access: "lease", params: runId, headers: lease, body: jsonBody(pinInputsRequest), answers: { 200: pinInputsResponse }, errors: fenced, rpc: "pin_inputs" },
  put_signals: { group: "executing", method: "PUT", path: "/runs/{run_id}/signals", summary: "Add signals of one's own to the run", access: "lease", params: runId, headers: lease, body: jsonBody(putSignalsRequest), answers: { 200: signals }, errors: fenced, rpc: "put_signals" },
  register_artifact: { group: "executing", method: "POST", path: "/runs/{run_id}/artifacts", summary: "Register an artifact whose bytes are stored", access: "lease", params: runId, headers: lease, body: jsonBody(registerArtifactRequest), answers: { 201: artifact }, errors: [...fenced, "object_missing"], rpc: "register_artifact" },
  begin_publish: { group: "executing", method: "POST", path: "/runs/{run_id}/datasets/intents", summary: "Take the right to commit to tables", access: "lease", params: runId, headers: lease, body: jsonBody(beginPublishRequest), answers: { 200: beginPublishResponse }, errors: [...fenced, "illegal_transition", "table_busy"], rpc: "begin_publish" },
  record_quality: { group: "executing", method: "POST", path: "/runs/{run_id}/quality", summary: "Report what the checks of a phase found", access: "lease", params: runId, headers: lease, body: jsonBody(recordQualityRequest), answers: { 200: recordQualityResponse }, errors: [...fenced, "illegal_transition"], rpc: "record_quality" },
  publish_dataset: { group: "executing", method: "POST", path: "/runs/{run_id}/datasets", summary: "Register a committed table version", access: "lease", params: runId, headers: lease, body: jsonBody(publishDatasetRequest, 1024 * kB), answers: { 201: datasetVersion }, errors: [...fenced, "illegal_transition", "conflict"], rpc: "publish_dataset" },
  create_children: { group: "executing", method: "POST", path: "/runs/{run_id}/children", summary: "Fan a phase out into child runs", access: "lease", params: runId, headers: lease, body: jsonBody(createChildrenRequest, 4096 * kB), answers: { 200: createChildrenResponse }, errors: [...fenced, "illegal_transition", "invalid_spec"], rpc: "create_children" },
  wait_for_children: { group: "executing", method: "POST", path: "/runs/{run_id}/wait", summary: "Give the run back until its child runs have ended; costs no attempt", access: "lease", params: runId, headers: lease, answers: { 200: runState }, errors: fenced, rpc: "wait_for_children" },
  release_run: { group: "executing", method: "POST", path: "/runs/{run_id}/release", summary: "Give the run back with its progress; costs no attempt", access: "lease", params: runId, headers: lease, body: jsonBody(releaseRequest), answers: { 200: runState }, errors: fenced, rpc: "release_run" },
  complete_run: { group: "executing", method: "POST", path: "/runs/{run_id}/complete", summary: "The run succeeded", access: "lease", params: runId, headers: lease, body: jsonBody(completeRequest, 1024 * kB), answers: { 200: runState }, errors: [...fenced, "illegal_transition"], rpc: "complete_run" },
  fail_run: { group: "executing", method: "POST", path: "/runs/{run_id}/fail", summary: "The attempt failed; retried while attempts are left", access: "lease", params: runId, headers: lease, body: jsonBody(failRequest), answers: { 200: runState }, errors: fenced, rpc: "fail_run" },
  get_run_secrets: { group: "executing", method: "POST", path: "/runs/{run_id}/secrets", summary: "The connections that the run names, their secrets sealed to the environment's key", access: "lease", params: runId, headers: lease, answers: { 200: runSecrets }, errors: fenced, rpc: "get_run_secrets" },
  reseal_secret: { group: "executing", method: "PUT", path: "/runs/{run_id}/secrets/{name}", summary: "The same value sealed to the newest key, from a run that reseals", access: "lease", params: { run_id: uuid, name: word }, headers: lease, body: jsonBody(resealRequest), answers: { 200: resealResponse }, errors: [...fenced, "conflict"], rpc: "reseal_secret" },
  report_runs: { group: "executing", method: "POST", path: "/reports", summary: "Many writes of many runs, each run's whole or not at all", access: "executor", body: jsonBody(reportsRequest, 4096 * kB), answers: { 200: reportsResponse }, errors: [], rpc: "report_runs" },

  create_upload_url: { group: "objects", method: "POST", path: "/objects/{sha256}/upload-url", summary: "Where to send bytes", access: "member", params: { sha256 }, body: jsonBody(uploadUrlRequest), answers: { 200: uploadUrlResponse }, errors: ["not_found"] },
  put_object: { group: "objects", method: "PUT", path: "/objects/{sha256}", summary: "Store bytes under their SHA-256", access: "member", params: { sha256 }, query: z.object({ environment_id: uuid }), body: { kind: "bytes" }, answers: { 200: storedObject, 201: storedObject }, errors: ["not_found", "hash_mismatch", "payload_too_large", "use_upload_url", "storage_full", "storage_unavailable"], rpc: "record_object" },
  get_artifact_content: { group: "objects", method: "GET", path: "/artifacts/{artifact_id}/content", summary: "The bytes; Range is honoured", access: "member", params: { artifact_id: uuid }, headers: { Range: { schema: z.string(), required: false, description: "one range of bytes" } }, answers: { 200: "bytes", 206: "bytes", 304: "empty" }, errors: ["not_found", "range_not_satisfiable", "storage_unavailable"] },
  get_artifact_preview: { group: "objects", method: "GET", path: "/artifacts/{artifact_id}/preview", summary: "The first rows or characters", access: "member", params: { artifact_id: uuid }, answers: { 200: artifactPreview }, errors: ["not_found", "storage_unavailable"] },

  list_templates: { group: "registry", method: "GET", path: "/templates", summary: "Job templates", access: "member", query: listTemplatesQuery, answers: { 200: templatePage }, errors: [] },
  save_template: { group: "registry", method: "POST", path: "/templates", summary: "Create a template, or a new version of it", access: "member", body: jsonBody(saveTemplateRequest, 4096 * kB), answers: { 200: templateDetail, 201: templateDetail }, errors: ["not_found", "invalid_spec", "conflict"], rpc: "save_template" },
  validate_template: { group: "registry", method: "POST", path: "/templates/validate", summary: "Check a spec without saving it", access: "member", body: jsonBody(validateTemplateRequest, 4096 * kB), answers: { 200: validateTemplateResponse }, errors: [] },
  get_template: { group: "registry", method: "GET", path: "/templates/{template_key}", summary: "A template with its current spec", access: "member", params: { template_key: word }, query: z.object({ project_id: uuid.optional() }), answers: { 200: templateDetail }, errors: ["not_found"] },
  list_template_versions: { group: "registry", method: "GET", path: "/templates/{template_key}/versions", summary: "Versions of a template, newest first", access: "member", params: { template_key: word }, query: listTemplatesQuery, answers: { 200: templateVersionPage }, errors: ["not_found"] },
  get_template_version: { group: "registry", method: "GET", path: "/templates/{template_key}/versions/{version}", summary: "A version of a template with its spec", access: "member", params: { template_key: word, version: z.coerce.number().int().min(1).max(2_147_483_647) }, query: z.object({ project_id: uuid.optional() }), answers: { 200: templateVersionDetail }, errors: ["not_found"] },
  list_executors: { group: "registry", method: "GET", path: "/executors", summary: "Executors", access: "member", query: listExecutorsQuery, answers: { 200: executorPage }, errors: [] },
  create_executor: { group: "registry", method: "POST", path: "/executors", summary: "Register an executor", access: "member", body: jsonBody(createExecutorRequest), answers: { 201: executorDetail }, errors: ["not_found", "conflict"], rpc: "create_executor" },
  get_executor: { group: "registry", method: "GET", path: "/executors/{executor_id}", summary: "One executor", access: "member", params: executorId, answers: { 200: executorDetail }, errors: ["not_found"] },
  update_executor: { group: "registry", method: "PATCH", path: "/executors/{executor_id}", summary: "Change an executor, drain it, or let it work again", access: "member", params: executorId, body: jsonBody(updateExecutorRequest), answers: { 200: executorDetail }, errors: ["not_found", "conflict"] },
  delete_executor: { group: "registry", method: "DELETE", path: "/executors/{executor_id}", summary: "Remove an executor; its runs go to others, its history stays", access: "member", params: executorId, answers: { 204: "empty" }, errors: ["not_found"], rpc: "delete_executor" },
  heartbeat_executor: { group: "registry", method: "POST", path: "/executors/{executor_id}/heartbeat", summary: "An executor without work says that it lives", access: "executor", params: executorId, body: jsonBody(executorHeartbeatRequest), answers: { 200: executorHeartbeatResponse }, errors: [], rpc: "heartbeat_executor" },
  list_executor_tokens: { group: "registry", method: "GET", path: "/executors/{executor_id}/tokens", summary: "Tokens of an executor, newest first", access: "member", params: executorId, answers: { 200: executorTokenPage }, errors: ["not_found"] },
  create_executor_token: { group: "registry", method: "POST", path: "/executors/{executor_id}/tokens", summary: "Make a token, or rotate with an overlap", access: "member", params: executorId, body: jsonBody(createExecutorTokenRequest), answers: { 201: newExecutorToken }, errors: ["not_found", "conflict"] },
  revoke_executor_token: { group: "registry", method: "DELETE", path: "/executors/{executor_id}/tokens/{executor_token_id}", summary: "Make a token void", access: "member", params: { ...executorId, executor_token_id: uuid }, answers: { 204: "empty" }, errors: ["not_found"], rpc: "revoke_executor_token" },
  create_organization: { group: "registry", method: "POST", path: "/organizations", summary: "Make an organization with its first project and environment", access: "member", body: jsonBody(createOrganizationRequest), answers: { 201: environment }, errors: ["conflict"], rpc: "create_organization" },
  create_project: { group: "registry", method: "POST", path: "/projects", summary: "Make a project with its first environment", access: "member", body: jsonBody(createProjectRequest), answers: { 201: environment }, errors: ["not_found", "conflict"], rpc: "create_project" },
  create_environment: { group: "registry", method: "POST", path: "/environments", summary: "Make an environment", access: "member", body: jsonBody(createEnvironmentRequest), answers: { 201: environment }, errors: ["not_found", "conflict"], rpc: "create_environment" },
  list_members: { group: "registry", method: "GET", path: "/members", summary: "Members of an organization that the caller administers, and itself", access: "member", query: listMembersQuery, answers: { 200: memberPage }, errors: ["not_found"], rpc: "list_members" },
  change_member: { group: "registry", method: "PATCH", path: "/members/{membership_id}", summary: "Change a member's role", access: "member", params: { membership_id: uuid }, body: jsonBody(changeMemberRequest), answers: { 200: member }, errors: ["not_found", "conflict"], rpc: "change_member" },
  remove_member: { group: "registry", method: "DELETE", path: "/members/{membership_id}", summary: "Remove a member, or leave", access: "member", params: { membership_id: uuid }, answers: { 204: "empty" }, errors: ["not_found", "conflict"], rpc: "remove_member" },
  list_invitations: { group: "registry", method: "GET", path: "/invitations", summary: "Invitations to an organization, newest first", access: "member", query: listInvitationsQuery, answers: { 200: invitationPage }, errors: [] },
  invite_member: { group: "registry", method: "POST", path: "/invitations", summary: "Invite somebody by e-mail address; the answer holds the link", access: "member", body: jsonBody(inviteMemberRequest), answers: { 201: newInvitation }, errors: ["not_found", "conflict"], rpc: "invite_member" },
  revoke_invitation: { group: "registry", method: "DELETE", path: "/invitations/{invitation_id}", summary: "Make an invitation void", access: "member", params: { invitation_id: uuid }, answers: { 204: "empty" }, errors: ["not_found", "conflict"], rpc: "revoke_invitation" },
  accept_invitation: { group: "registry", method: "POST", path: "/invitations/accept", summary: "Become a member; for the person whose address was invited", access: "member", body: jsonBody(acceptInvitationRequest), answers: { 200: member }, errors: ["not_found"], rpc: "accept_invitation" },
  list_api_tokens: { group: "registry", method: "GET", path: "/tokens", summary: "API tokens of a project, newest first", access: "member", query: listApiTokensQuery, answers: { 200: apiTokenPage }, errors: [] },
  create_api_token: { group: "registry", method: "POST", path: "/tokens", summary: "Make an API token; it is shown this once", access: "member", body: jsonBody(createApiTokenRequest), answers: { 201: newApiToken }, errors: ["not_found", "conflict"], rpc: "create_api_token" },
  rotate_api_token: { group: "registry", method: "POST", path: "/tokens/{api_token_id}/rotate", summary: "Replace an API token, with an overlap", access: "member", params: { api_token_id: uuid }, body: jsonBody(rotateApiTokenRequest), answers: { 201: newApiToken }, errors: ["not_found", "conflict"], rpc: "rotate_api_token" },
  revoke_api_token: { group: "registry", method: "DELETE", path: "/tokens/{api_token_id}", summary: "Make an API token void", access: "member", params: { api_token_id: uuid }, answers: { 204: "empty" }, errors: ["not_found"], rpc: "revoke_api_token" },
  list_sessions: { group: "registry", method: "GET", path: "/sessions", summary: "The caller's own sessions, last used first", access: "member", answers: { 200: sessionPage }, errors: [], rpc: "list_sessions" },
  revoke_session: { group: "registry", method: "DELETE", path: "/sessions/{session_id}", summary: "End one of one's own sessions", access: "member", params: { session_id: uuid }, answers: { 204: "empty" }, errors: ["not_found"], rpc: "revoke_session" },

  get_signal_weights: { group: "registry", method: "GET", path: "/signal-weights", summary: "How much each signal counts in a project", access: "member", query: projectQuery, answers: { 200: signalWeights }, errors: ["not_found"], rpc: "get_signal_weights" },
  put_signal_weights: { group: "registry", method: "PUT", path: "/signal-weights", summary: "Set how much each signal counts", access: "member", query: projectQuery, body: jsonBody(putSignalWeightsRequest), answers: { 200: signalWeights }, errors: ["not_found"], rpc: "put_signal_weights" },

  export_control_plane: { group: "registry", method: "GET", path: "/control-plane", summary: "What steers a project, as one document", access: "member", query: projectSlugQuery, answers: { 200: controlPlaneExport }, errors: ["not_found"], rpc: "export_control_plane" },
  plan_control_plane: { group: "registry", method: "POST", path: "/control-plane/plan", summary: "What applying a document would change; changes nothing", access: "member", query: projectSlugQuery, body: jsonBody(planControlPlaneRequest, 4096 * kB), answers: { 200: controlPlanePlan }, errors: ["not_found", "conflict", "invalid_spec"], rpc: "plan_control_plane" },
  apply_control_plane: { group: "registry", method: "POST", path: "/control-plane/apply", summary: "Apply a document as planned: all of it, or nothing", access: "member", query: projectSlugQuery, body: jsonBody(applyControlPlaneRequest, 4096 * kB), answers: { 200: controlPlanePlan }, errors: ["not_found", "conflict", "invalid_spec"], rpc: "apply_control_plane" },

  list_environment_keys: { group: "registry", method: "GET", path: "/environment-keys", summary: "Public keys of an environment, newest first", access: "member", query: placeQuery, answers: { 200: environmentKeyPage }, errors: ["not_found"] },
  add_environment_key: { group: "registry", method: "POST", path: "/environment-keys", summary: "From now on secrets are sealed to this key", access: "member", body: jsonBody(addEnvironmentKeyRequest), answers: { 200: environmentKey }, errors: ["not_found", "conflict"], rpc: "put_environment_key" },
  retire_environment_key: { group: "registry", method: "DELETE", path: "/environment-keys/{kid}", summary: "Retire a key that no secret is sealed to", access: "member", params: { kid }, query: placeQuery, answers: { 200: environmentKey }, errors: ["not_found", "conflict"], rpc: "retire_environment_key" },
  reseal_secrets: { group: "registry", method: "POST", path: "/environment-keys/reseal", summary: "Queue a run that seals every secret to the newest key", access: "member", query: placeQuery, answers: { 201: run }, errors: ["not_found", "conflict"], rpc: "reseal_secrets" },
  list_secrets: { group: "registry", method: "GET", path: "/secrets", summary: "Secrets of an environment by name, never their values", access: "member", query: placeQuery, answers: { 200: secretPage }, errors: ["not_found"], rpc: "list_secrets" },
  put_secret: { group: "registry", method: "PUT", path: "/secrets/{name}", summary: "Make a secret, or give it a new value", access: "member", params: { name: word }, query: placeQuery, body: jsonBody(putSecretRequest), answers: { 200: secret }, errors: ["not_found", "conflict"], rpc: "put_secret" },
  delete_secret: { group: "registry", method: "DELETE", path: "/secrets/{name}", summary: "Delete a secret that no connection names", access: "member", params: { name: word }, query: placeQuery, answers: { 204: "empty" }, errors: ["not_found", "conflict"], rpc: "delete_secret" },
  list_connections: { group: "registry", method: "GET", path: "/connections", summary: "Connections of an environment, by name", access: "member", query: placeQuery, answers: { 200: connectionPage }, errors: ["not_found"], rpc: "list_connections" },
  create_connection: { group: "registry", method: "POST", path: "/connections", summary: "Name a source or warehouse", access: "member", body: jsonBody(createConnectionRequest), answers: { 201: connection }, errors: ["not_found", "conflict"], rpc: "save_connection" },
  get_connection: { group: "registry", method: "GET", path: "/connections/{connection_id}", summary: "One connection, with the result of its last test", access: "member", params: connectionId, answers: { 200: connection }, errors: ["not_found"], rpc: "get_connection" },
  change_connection: { group: "registry", method: "PUT", path: "/connections/{connection_id}", summary: "Put other settings in their place", access: "member", params: connectionId, body: jsonBody(changeConnectionRequest), answers: { 200: connection }, errors: ["not_found"], rpc: "save_connection" },
  delete_connection: { group: "registry", method: "DELETE", path: "/connections/{connection_id}", summary: "Delete a connection that no pipeline names", access: "member", params: connectionId, answers: { 204: "empty" }, errors: ["not_found", "conflict"], rpc: "delete_connection" },
  test_connection: { group: "registry", method: "POST", path: "/connections/{connection_id}/test", summary: "Queue a run that asks the connection, for a minute at most", access: "member", params: connectionId, answers: { 201: run }, errors: ["not_found"], rpc: "test_connection" },
  get_webhook: { group: "registry", method: "GET", path: "/webhook", summary: "The webhook of a project", access: "member", query: projectQuery, answers: { 200: webhook }, errors: ["not_found"] },
  put_webhook: { group: "registry", method: "PUT", path: "/webhook", summary: "Set the webhook of a project", access: "member", query: projectQuery, body: jsonBody(putWebhookRequest), answers: { 200: webhook }, errors: ["not_found"], rpc: "put_webhook" },
  delete_webhook: { group: "registry", method: "DELETE", path: "/webhook", summary: "Remove the webhook; its log stays", access: "member", query: projectQuery, answers: { 204: "empty" }, errors: ["not_found"], rpc: "delete_webhook" },
  test_webhook: { group: "registry", method: "POST", path: "/webhook/test", summary: "Send a test message", access: "member", query: projectQuery, answers: { 201: delivery }, errors: ["not_found"], rpc: "test_webhook" },
  list_deliveries: { group: "registry", method: "GET", path: "/webhook/deliveries", summary: "What was sent to the webhook, newest first", access: "member", query: listDeliveriesQuery, answers: { 200: deliveryPage }, errors: ["not_found"] },
  retry_delivery: { group: "registry", method: "POST", path: "/webhook/deliveries/{delivery_id}/retry", summary: "Send it again", access: "member", params: { delivery_id: uuid }, answers: { 200: delivery }, errors: ["not_found", "illegal_transition"], rpc: "retry_delivery" },
  get_webhook_key: { group: "registry", method: "GET", path: "/webhook-key", summary: "The public key that verifies deliveries and provenance", access: "public", answers: { 200: webhookKey }, errors: [] },

  list_caps: { group: "registry", method: "GET", path: "/caps", summary: "Caps with their use, by key", access: "member", query: listCapsQuery, answers: { 200: capPage }, errors: ["not_found"], rpc: "list_caps" },
  create_cap: { group: "registry", method: "POST", path: "/caps", summary: "Limit what runs use within a window", access: "member", body: jsonBody(createCapRequest), answers: { 201: cap }, errors: ["not_found", "conflict"], rpc: "save_cap" },
  cap_allow: { group: "registry", method: "POST", path: "/caps/allow", summary: "May so much be used now? Reserves it for the holder of a lease", access: "member", headers: { "Lease-Token": { schema: uuid, required: false, description: "lease_token of the claim" } }, body: jsonBody(capAllowRequest), answers: { 200: capAllowance }, errors: ["not_found", "lease_lost"], rpc: "cap_allow" },
  get_cap: { group: "registry", method: "GET", path: "/caps/{cap_id}", summary: "A cap with its use", access: "member", params: { cap_id: uuid }, answers: { 200: cap }, errors: ["not_found"], rpc: "get_cap" },
  change_cap: { group: "registry", method: "PATCH", path: "/caps/{cap_id}", summary: "Change a cap's limit, or switch it off", access: "member", params: { cap_id: uuid }, body: jsonBody(changeCapRequest), answers: { 200: cap }, errors: ["not_found"], rpc: "save_cap" },
  delete_cap: { group: "registry", method: "DELETE", path: "/caps/{cap_id}", summary: "Delete a cap and its history of use", access: "member", params: { cap_id: uuid }, answers: { 204: "empty" }, errors: ["not_found"], rpc: "delete_cap" },
  get_lineage: { group: "registry", method: "GET", path: "/lineage", summary: "What a dataset is made of and what is made of it, or the whole graph by name", access: "member", query: lineageQuery, answers: { 200: lineageGraph }, errors: ["not_found"], rpc: "read_lineage" },
  record_lineage: { group: "registry", method: "POST", path: "/lineage", summary: "Take in an OpenLineage event; the same one again changes nothing", access: "member", query: recordLineageQuery, body: jsonBody(openLineageEvent, 1024 * kB), answers: { 201: recordLineageResponse }, errors: ["not_found"], rpc: "record_lineage" },
  record_lineage_batch: { group: "registry", method: "POST", path: "/lineage/batch", summary: "Take in up to 1,000 OpenLineage events, each taken or refused for itself", access: "member", query: recordLineageQuery, body: jsonBody(lineageBatch, 4096 * kB), answers: { 200: lineageBatchResponse }, errors: ["not_found"], rpc: "record_lineage" },
  get_column_lineage: { group: "registry", method: "GET", path: "/lineage/columns", summary: "What a column is made of and what is made of it", access: "member", query: columnLineageQuery, answers: { 200: columnLineageGraph }, errors: ["not_found"], rpc: "read_column_lineage" },
  list_lineage_readers: { group: "registry", method: "GET", path: "/lineage/readers", summary: "Who reads a dataset, the newest first", access: "member", query: lineageReadersQuery, answers: { 200: lineageReaderPage }, errors: [] },
  list_freshness: { group: "registry", method: "GET", path: "/freshness", summary: "Datasets that a pipeline promises to keep fresh: ok, late or breached, and when a breach is to be expected", access: "member", query: listFreshnessQuery, answers: { 200: freshnessPage }, errors: [] },
  list_freshness_signals: { group: "registry", method: "GET", path: "/freshness/signals", summary: "Changes of freshness that the monitor recorded, newest first", access: "member", query: listFreshnessSignalsQuery, answers: { 200: freshnessSignalPage }, errors: [] },
  list_quality: { group: "registry", method: "GET", path: "/quality", summary: "Results of quality checks, newest first", access: "member", query: listQualityQuery, answers: { 200: qualityPage }, errors: [] },
  list_datasets: { group: "registry", method: "GET", path: "/datasets", summary: "Datasets with their registered version", access: "member", query: listDatasetsQuery, answers: { 200: datasetPage }, errors: [] },
  list_dataset_versions: { group: "registry", method: "GET", path: "/datasets/{dataset_id}/versions", summary: "Registered versions of a dataset, newest first", access: "member", params: { dataset_id: uuid }, query: pageQuery, answers: { 200: datasetHistory }, errors: ["not_found"] },
  list_schedules: { group: "registry", method: "GET", path: "/schedules", summary: "Schedules, by name", access: "member", query: listSchedulesQuery, answers: { 200: schedulePage }, errors: [] },
  create_schedule: { group: "registry", method: "POST", path: "/schedules", summary: "Run a template by the clock", access: "member", body: jsonBody(createScheduleRequest), answers: { 201: schedule }, errors: ["not_found", "conflict", "invalid_parameters"], rpc: "create_schedule" },
  preview_times: { group: "registry", method: "POST", path: "/schedules/preview", summary: "The next times of a cron in a time zone", access: "member", body: jsonBody(previewScheduleRequest), answers: { 200: scheduleTimes }, errors: [] },
  get_schedule: { group: "registry", method: "GET", path: "/schedules/{schedule_id}", summary: "One schedule", access: "member", params: scheduleId, answers: { 200: schedule }, errors: ["not_found"] },
  update_schedule: { group: "registry", method: "PATCH", path: "/schedules/{schedule_id}", summary: "Change a schedule", access: "member", params: scheduleId, body: jsonBody(updateScheduleRequest), answers: { 200: schedule }, errors: ["not_found", "conflict", "invalid_parameters"], rpc: "update_schedule" },
  delete_schedule: { group: "registry", method: "DELETE", path: "/schedules/{schedule_id}", summary: "Delete a schedule; its runs stay", access: "member", params: scheduleId, answers: { 204: "empty" }, errors: ["not_found"], rpc: "delete_schedule" },
  pause_schedule: { group: "registry", method: "POST", path: "/schedules/{schedule_id}/pause", summary: "Fire no more", access: "member", params: scheduleId, body: jsonBody(pauseRequest), answers: { 200: schedule }, errors: ["not_found"], rpc: "pause_schedule" },
  resume_schedule: { group: "registry", method: "POST", path: "/schedules/{schedule_id}/resume", summary: "Fire again, from now on", access: "member", params: scheduleId, answers: { 200: schedule }, errors: ["not_found"], rpc: "resume_schedule" },
  run_schedule: { group: "registry", method: "POST", path: "/schedules/{schedule_id}/run", summary: "One run now, whatever else runs", access: "member", params: scheduleId, headers: idempotency, answers: { 200: run, 201: run }, errors: ["not_found", "idempotency_conflict"], rpc: "run_schedule" },
  preview_schedule: { group: "registry", method: "GET", path: "/schedules/{schedule_id}/preview", summary: "Its next nominal times", access: "member", params: scheduleId, query: previewScheduleQuery, answers: { 200: scheduleTimes }, errors: ["not_found"] },
  list_fires: { group: "registry", method: "GET", path: "/schedules/{schedule_id}/fires", summary: "What became of its nominal times, newest first", access: "member", params: scheduleId, query: listFiresQuery, answers: { 200: scheduleFirePage }, errors: ["not_found"] },
  list_backfills: { group: "registry", method: "GET", path: "/backfills", summary: "Backfills, newest first", access: "member", query: listBackfillsQuery, answers: { 200: backfillPage }, errors: [] },
  create_backfill: { group: "registry", method: "POST", path: "/backfills", summary: "A run for each partition of a range of time", access: "member", headers: idempotency, body: jsonBody(createBackfillRequest), answers: { 200: backfill, 201: backfill }, errors: ["not_found", "invalid_parameters", "idempotency_conflict"], rpc: "create_backfill" },
  preview_backfill: { group: "registry", method: "POST", path: "/backfills/preview", summary: "What a backfill would run", access: "member", body: jsonBody(createBackfillRequest), answers: { 200: backfillPreview }, errors: ["not_found", "invalid_parameters"], rpc: "preview_backfill" },
  get_backfill: { group: "registry", method: "GET", path: "/backfills/{backfill_id}", summary: "One backfill with its progress", access: "member", params: backfillId, answers: { 200: backfill }, errors: ["not_found"] },
  list_backfill_items: { group: "registry", method: "GET", path: "/backfills/{backfill_id}/items", summary: "Its partitions, oldest first", access: "member", params: backfillId, query: listItemsQuery, answers: { 200: backfillItemPage }, errors: ["not_found"] },
  pause_backfill: { group: "registry", method: "POST", path: "/backfills/{backfill_id}/pause", summary: "Make no more runs; those that were made go on", access: "member", params: backfillId, body: jsonBody(pauseRequest), answers: { 200: backfill }, errors: ["not_found", "illegal_transition"], rpc: "pause_backfill" },
  resume_backfill: { group: "registry", method: "POST", path: "/backfills/{backfill_id}/resume", summary: "Go on", access: "member", params: backfillId, answers: { 200: backfill }, errors: ["not_found", "illegal_transition"], rpc: "resume_backfill" },
  cancel_backfill: { group: "registry", method: "POST", path: "/backfills/{backfill_id}/cancel", summary: "End it, and cancel its open runs", access: "member", params: backfillId, body: jsonBody(pauseRequest), answers: { 200: backfill }, errors: ["not_found", "illegal_transition"], rpc: "cancel_backfill" },

  preview_deletion: { group: "registry", method: "GET", path: "/deletions", summary: "What deleting an environment, a project, an organization or one's own account would take away", access: "member", query: deletionQuery, answers: { 200: deletionPreview }, errors: ["not_found"], rpc: "preview_deletion" },
  delete_scope: { group: "registry", method: "POST", path: "/deletions", summary: "Delete it, its name typed; the audit log stays", access: "member", body: jsonBody(deleteRequest), answers: { 204: "empty" }, errors: ["not_found", "conflict"], rpc: "delete_scope" },
  list_audit: { group: "registry", method: "GET", path: "/audit", summary: "Who changed what, newest first", access: "member", query: listAuditQuery, answers: { 200: auditPage }, errors: ["not_found"] },
  export_audit: { group: "registry", method: "GET", path: "/audit/export", summary: "The same entries, oldest first and all of them, as NDJSON or CSV", access: "member", query: exportAuditQuery, answers: { 200: "bytes" }, errors: ["not_found"] },
  verify_audit: { group: "registry", method: "GET", path: "/audit/verify", summary: "Was the log altered? Computes the chain again, and holds it against the heads stored outside the database", access: "member", query: verifyAuditQuery, answers: { 200: auditVerification }, errors: ["not_found", "storage_unavailable"] },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
