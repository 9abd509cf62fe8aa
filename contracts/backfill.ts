import { z } from "zod";
import { jsonObject, page, pageQuery, slug, text, timestamp, uuid, word } from "./common.ts";
import { runStatus } from "./run.ts";
import { label } from "./schedule.ts";
import { partitionStates, partitionUnits } from "./words.ts";

/** A unit is a cron of its own: the local hour, midnight, Monday's midnight, the first of the month. */
export const cronOfUnit = { hour: "0 * * * *", day: "0 0 * * *", week: "0 0 * * 1", month: "0 0 1 * *" } as const satisfies Record<(typeof partitionUnits)[number], string>;
export const reprocessPolicies = ["none", "missing_only", "missing_and_failed", "all"] as const;
export const backfillDirections = ["oldest_first", "newest_first"] as const;
export const backfillStatuses = ["active", "paused", "canceled", "completed"] as const;
export const itemOutcomes = ["pending", "started", "skipped", "canceled"] as const;
export const maximumPartitions = 10_000;

const counts = <const K extends readonly string[]>(names: K) => z.object(Object.fromEntries(names.map((name) => [name, z.int()])) as Record<K[number], z.ZodInt>);
const reprocess = z.enum(reprocessPolicies).describe("none: only partitions that never had a run; missing_only: also those whose run was canceled; missing_and_failed: also those whose run failed; all: everything. Never a partition whose run is under way");
const shared = {
  range_start: timestamp,
  range_end: timestamp,
  start_parameter: word.nullable(),
  end_parameter: word.nullable(),
  reprocess,
  direction: z.enum(backfillDirections),
  max_active: z.int().min(1).max(500).describe("runs that may be open at once"),
  priority: z.int().min(0).max(1000),
};

/** Partitions begin at the times of `schedule_id`'s cron, of `cron`, or of `unit`, in a time zone: those from range_start, before range_end. */
export const createBackfillRequest = z.strictObject({
  schedule_id: uuid.optional().describe("its cron, zone, template, parameters, queue and labels, where they are not given"),
  template_key: word.optional(),
  template_version: z.int().min(1).optional(),
  unit: z.enum(partitionUnits).optional(),
  cron: text.min(9).max(200).optional(),
  time_zone: z.string().min(1).max(100).optional(),
  ...shared,
  parameters: jsonObject.optional(),
  start_parameter: word.optional().describe("the parameter that gets a partition's start: its local date where the pipeline declares format date, else RFC 3339 in UTC"),
  end_parameter: word.optional().describe("the parameter that gets a partition's end"),
  reprocess: reprocess.default("missing_only"),
  direction: shared.direction.default("oldest_first"),
  max_active: shared.max_active.default(4),
  priority: shared.priority.default(500),
  queue: word.optional(),
  labels: z.array(label).max(20).optional(),
  max_attempts: z.int().min(1).max(100).optional(),
  environment: slug.optional().describe("may be left out where the caller sees one environment"),
  project: slug.optional(),
}).meta({ id: "CreateBackfillRequest" });
export type CreateBackfillRequest = z.input<typeof createBackfillRequest>;

const stored = {
  environment_id: uuid,
  template_key: word,
  template_version: z.int(),
  schedule_id: uuid.nullable(),
  cron: z.string(),
  time_zone: z.string(),
  ...shared,
  parameters: jsonObject,
  queue: word,
  labels: z.array(z.string()),
  max_attempts: z.int(),
};
export const backfill = z.object({
  backfill_id: uuid,
  ...stored,
  status: z.enum(backfillStatuses),
  note: z.string().nullable(),
  total: z.int(),
  progress: counts(["pending", "skipped", "queued", "running", "succeeded", "failed", "canceled"]),
  created_by: z.string().nullable(),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
}).meta({ id: "Backfill" });
export type Backfill = z.infer<typeof backfill>;
export const backfillPage = page(backfill).meta({ id: "BackfillPage" });
export const listBackfillsQuery = pageQuery.extend({ environment_id: uuid.optional(), status: z.enum(backfillStatuses).optional() });

/** The argument of the RPCs; the partitions come beside it. */
export const newBackfill = z.object({ ...stored, template_version: z.int().optional(), schedule_id: uuid.optional(), start_parameter: word.optional(), end_parameter: word.optional(), idempotency_key: z.string().max(200).optional() });

export const backfillPreview = z.object({
  total: z.int(),
  to_run: z.int(),
  template_version: z.int(),
  present: counts(partitionStates).describe("what is there of the partitions, by their newest run"),
  first: z.array(z.object({ partition_start: timestamp, partition_end: timestamp, state: z.enum(partitionStates), skip_reason: z.string().nullable() })).describe("at most 100, in the order of the runs"),
}).meta({ id: "BackfillPreview" });

export const backfillItem = z.object({
  backfill_id: uuid,
  partition_start: timestamp,
  partition_end: timestamp,
  outcome: z.enum(itemOutcomes),
  reason: z.string().nullable(),
  run_id: uuid.nullable(),
  run_status: runStatus.nullable(),
  settled_at: timestamp.nullable(),
}).meta({ id: "BackfillItem" });
export const backfillItemPage = page(backfillItem).meta({ id: "BackfillItemPage" });
export const listItemsQuery = pageQuery.extend({ outcome: z.enum(itemOutcomes).optional() });
export const advancedBackfill = z.object({ backfill_id: uuid.nullable(), started: z.int(), skipped: z.int() });
