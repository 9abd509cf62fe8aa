import { z } from "zod";
import { capUse, jsonObject, page, pageQuery, sha256, slug, text, timestamp, uuid, word } from "./common.ts";
import { itemError } from "./error.ts";
import { labelPattern, runKinds, runStatuses, runTriggers } from "./words.ts";

export const runStatus = z.enum(runStatuses);
export type RunStatus = z.infer<typeof runStatus>;

export const runKind = z.enum(runKinds);
export const runTrigger = z.enum(runTriggers);

/** What a run needs and an executor offers: `engine:duckdb`, `gpu`. */
export const label = z.string().regex(labelPattern);

export const run = z.object({
  run_id: uuid,
  status: runStatus,
  kind: runKind,
  template_key: z.string().nullable(),
  template_version: z.int().nullable(),
  priority: z.int().describe("lower runs first"),
  queue: z.string(),
  labels: z.array(z.string()),
  trigger: runTrigger,
  triggered_by: z.string().nullable().describe("e-mail, token or schedule name"),
  schedule_id: uuid.nullable(),
  backfill_id: uuid.nullable(),
  scheduled_for: timestamp.nullable().describe("the nominal time of the schedule, or the start of the partition, that it was made for"),
  queue_reason: z.string().nullable().describe("why a queued run waits, where it is known"),
  run_after: timestamp.nullable(),
  expires_at: timestamp.nullable(),
  lease_expires_at: timestamp.nullable(),
  lease_expired: z.boolean().nullable().describe("by the database's clock; null where nobody holds it"),
  concurrency_key: z.string().nullable(),
  score: z.number().nullable(),
  attempt: z.int(),
  max_attempts: z.int(),
  parameters: jsonObject,
  git_sha: z.string().nullable(),
  spec_slug: z.string(),
  spec_sha256: sha256,
  input_manifest: jsonObject.nullable(),
  output_manifest: jsonObject.nullable(),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
  failed_checks: z.int().describe("quality checks that did not pass, whatever their severity"),
  cancel_requested_at: timestamp.nullable(),
  isolated: z.boolean().describe("writes to its own lake prefix and publishes nothing: a verification"),
  created_at: timestamp,
  claimed_at: timestamp.nullable(),
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  duration_seconds: z.number().nullable().describe("from its start to its end; null before"),
  project_id: uuid,
  environment_id: uuid,
  executor_id: uuid.nullable(),
  parent_run_id: uuid.nullable(),
  parent_phase: z.string().nullable().describe("the for_each phase of the parent that this run is one item of"),
  child_key: z.string().nullable().describe("that item"),
  repairs_run_id: uuid.nullable(),
  repair_mode: z.enum(["all", "failed", "verify"]).nullable(),
}).meta({ id: "Run" });
export type Run = z.infer<typeof run>;

export const phaseStatuses = ["pending", "running", "succeeded", "failed", "skipped", "reused"] as const;
export const phaseStatus = z.enum(phaseStatuses);
export type PhaseStatus = z.infer<typeof phaseStatus>;

export const runPhase = z.object({
  name: word,
  type: z.string(),
  status: phaseStatus,
  position: z.int(),
  attempt: z.int(),
  depends_on: z.array(word),
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  input_sha256: sha256.nullable(),
  output_sha256: sha256.nullable(),
  metrics: jsonObject,
  checkpoint: jsonObject.nullable().describe("progress that the next holder of the run goes on from"),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
}).meta({ id: "RunPhase" });
export type RunPhase = z.infer<typeof runPhase>;

/** What an executor may say of a phase; absent fields stay as they are. */
export const setPhaseRequest = z.object({
  status: phaseStatus.exclude(["pending", "reused"]),
  input_sha256: sha256.optional(),
  output_sha256: sha256.optional(),
  metrics: jsonObject.optional(),
  checkpoint: jsonObject.optional(),
  error_code: word.optional(),
  error_message: text.max(10_000).optional(),
  message: text.max(2_000).optional().describe("text of the event that this writes"),
}).meta({ id: "SetPhaseRequest" });
export type SetPhaseRequest = z.infer<typeof setPhaseRequest>;

export const createRunRequest = z.strictObject({
  template_key: word.optional(),
  template_version: z.int().min(1).optional(),
  spec: z.unknown().optional().describe("a pipeline spec, in place of template_key"),
  parameters: jsonObject.default({}),
  priority: z.int().min(0).max(1000).default(100),
  queue: word.default("default"),
  labels: z.array(label).max(20).default([]),
  run_after: timestamp.optional(),
  expires_at: timestamp.optional(),
  concurrency_key: text.min(1).max(200).optional(),
  concurrency_limit: z.int().min(1).max(10_000).optional(),
  max_attempts: z.int().min(1).max(100).default(3),
  timeout_seconds: z.int().min(1).max(604_800).optional().describe("from the first start to the end, over all attempts; in place of the spec's"),
  caps: z.array(capUse).max(4).optional().describe("beside those of the spec"),
  debounce_key: text.min(1).max(200).optional().describe("takes the place of runs with this key that have not started; they end canceled with superseded"),
  debounce_seconds: z.number().min(0).max(86_400).optional().describe("how long the first run of a burst waits for newer ones"),
  environment: slug.optional().describe("may be left out where the caller sees one environment"),
  project: slug.optional(),
  git_sha: z.string().regex(/^[0-9a-f]{7,64}$/).optional(),
}).meta({
  id: "CreateRunRequest",
  examples: [{
    spec: { version: 1, name: "hello", phases: [{ name: "answer", type: "query", config: { sql: "select 42 as answer" } }] },
    parameters: {}, priority: 50, queue: "default", labels: [], concurrency_key: "hello", caps: [{ key: "odoo", amount: 1000 }], max_attempts: 2,
  }],
});
export type CreateRunRequest = z.input<typeof createRunRequest>;

export const createRunsRequest = z.strictObject({
  runs: z.array(createRunRequest.extend({ idempotency_key: z.string().min(1).max(200).optional() })).min(1).max(500),
  ids_only: z.boolean().default(false).describe("each is answered with its run_id in place of the whole run"),
}).meta({ id: "CreateRunsRequest" });
export const createRunsResponse = z.object({
  items: z.array(z.discriminatedUnion("ok", [
    z.object({ ok: z.literal(true), created: z.boolean(), run }).meta({ id: "RunCreated" }),
    z.object({ ok: z.literal(false), error: itemError }).meta({ id: "RunRefused" }),
  ])).describe("one for each request, in order"),
}).meta({ id: "CreateRunsResponse" });
export type CreateRunsResponse = z.infer<typeof createRunsResponse>;
/** What `ids_only` asks for. */
export const createdRunIds = z.object({
  items: z.array(z.discriminatedUnion("ok", [
    z.object({ ok: z.literal(true), created: z.boolean(), run_id: uuid }).meta({ id: "RunIdCreated" }),
    z.object({ ok: z.literal(false), error: itemError }),
  ])).describe("one for each request, in order"),
}).meta({ id: "CreatedRunIds" });
export type CreatedRunIds = z.infer<typeof createdRunIds>;

export const retryRunRequest = z.strictObject({
  mode: z.enum(["all", "failed", "verify"]).default("all").describe("verify executes every phase into an isolated lake prefix"),
  definition: z.enum(["pinned", "current"]).default("pinned"),
}).meta({ id: "RetryRunRequest" });
export type RetryRunRequest = z.input<typeof retryRunRequest>;

export const cancelRunRequest = z.strictObject({ reason: text.max(500).optional() }).meta({ id: "CancelRunRequest" });

export const runPage = page(run).meta({ id: "RunPage" });
export type RunPage = z.infer<typeof runPage>;

/** Filters of the runs list; several values of one filter are separated by commas. */
export const listRunsQuery = pageQuery.extend({
  environment_id: uuid.optional(),
  status: z.string().optional().transform((value) => (value ? value.split(",") : [])).pipe(z.array(runStatus)),
  template_key: word.optional(),
  kind: runKind.optional(),
  trigger: runTrigger.optional(),
  executor_id: uuid.optional(),
  repairs_run_id: uuid.optional(),
  parent_run_id: uuid.optional(),
  schedule_id: uuid.optional(),
  backfill_id: uuid.optional(),
  error_code: word.optional(),
  label: label.optional().describe("needs environment_id; a page looks at 20,000 runs and may be short: go on with its cursor"),
  tag: word.optional().describe("of the run's template; needs environment_id"),
  checks: z.enum(["failed", "passed"]).optional().describe("failed: a quality check did not pass"),
  min_duration_seconds: z.coerce.number().min(0).optional().describe("of runs that have ended"),
  max_duration_seconds: z.coerce.number().min(0).optional(),
  search: text.max(200).optional().describe("a run id or its first characters, a pipeline, or words of the error message"),
  created_after: timestamp.optional(),
  created_before: timestamp.optional(),
});
export type ListRunsQuery = z.input<typeof listRunsQuery>;

/** The words of the list without its page, for counting. */
export const runCountFilter = listRunsQuery.omit({ limit: true, cursor: true, environment_id: true, status: true });
/** How many runs of a filter are in each status; of the newest 5,000 of the environment, unless `complete`. */
export const runCounts = z.object({ complete: z.boolean(), runs: z.object({ queued: z.int(), claimed: z.int(), running: z.int(), succeeded: z.int(), failed: z.int(), canceled: z.int() }) }).meta({ id: "RunCounts" });
export type RunCounts = z.infer<typeof runCounts>;

const verdict = z.enum(["equal", "differs", "only_a", "only_b", "not_compared"]);
export const runComparison = z.object({
  a: uuid,
  b: uuid,
  verdict: z.enum(["equal", "differs", "unknown"]).describe("unknown where a phase has no hash yet, or was reused"),
  phases: z.array(z.object({ name: word, a_sha256: sha256.nullable(), b_sha256: sha256.nullable(), verdict })),
  artifacts: z.array(z.object({ phase: z.string().nullable(), name: z.string(), a_sha256: sha256.nullable(), b_sha256: sha256.nullable(), verdict })),
}).meta({ id: "RunComparison" });
export type RunComparison = z.infer<typeof runComparison>;
