import { z } from "zod";
import { jsonObject, page, pageQuery, text, timestamp, uuid } from "./common.ts";
import { listRunsQuery, retryRunRequest, runStatus } from "./run.ts";

export const bulkVerbs = ["cancel", "retry"] as const;
export const bulkStatuses = ["running", "finished", "aborted"] as const;
export const bulkItemStatuses = ["pending", "done", "skipped", "refused"] as const;

/** The words of the runs list, as JSON, and a choice of runs. */
export const bulkFilter = z.strictObject({
  ...listRunsQuery.omit({ limit: true, cursor: true }).shape,
  status: z.array(runStatus).max(6).optional(),
  run_ids: z.array(uuid).min(1).max(1000).optional(),
}).meta({ id: "BulkFilter" });

export const createBulkRequest = z.strictObject({
  filter: bulkFilter.describe("an empty one is refused"),
  verb: z.enum(bulkVerbs),
  reason: text.max(500).optional().describe("of cancel"),
  mode: retryRunRequest.shape.mode.optional().describe("of retry"),
  definition: retryRunRequest.shape.definition.optional().describe("of retry"),
  limit: z.int().min(1).max(10_000).default(10_000).describe("refused where more runs fit"),
  dry_run: z.boolean().default(false).describe("only count"),
}).meta({ id: "CreateBulkRequest" });
export type CreateBulkRequest = z.output<typeof createBulkRequest>;

export const bulkPreview = z.object({ dry_run: z.literal(true), total: z.int() }).meta({ id: "BulkPreview" });

export const bulkJob = z.object({
  bulk_id: uuid,
  environment_ids: z.array(uuid),
  verb: z.enum(bulkVerbs),
  options: jsonObject,
  filter: jsonObject,
  status: z.enum(bulkStatuses),
  total: z.int().describe("runs, fixed when the job was made"),
  done: z.int(),
  skipped: z.int().describe("ended meanwhile, or the job was aborted"),
  refused: z.int().describe("its creator may not, or no longer"),
  created_by: z.string().nullable(),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
}).meta({ id: "BulkJob" });
export type BulkJob = z.infer<typeof bulkJob>;

export const bulkItem = z.object({
  position: z.int(),
  run_id: uuid,
  status: z.enum(bulkItemStatuses),
  code: z.string().nullable().describe("why it was skipped or refused"),
  new_run_id: uuid.nullable().describe("the run that a retry made"),
  finished_at: timestamp.nullable(),
}).meta({ id: "BulkItem" });
export const bulkItemPage = page(bulkItem).meta({ id: "BulkItemPage" });
export const listBulkItemsQuery = pageQuery.extend({ status: z.enum(bulkItemStatuses).optional() });
