import { z } from "zod";
import { bigintText, jsonObject, text, timestamp, uuid } from "./common.ts";
import { datasetVersion, tableLineage } from "./dataset.ts";
import { qualityResult } from "./quality.ts";
import { run } from "./run.ts";

/** Types of run events that OpenLineage has a word for. */
export const lineageMoments = ["RUN_STARTED", "PHASE_STARTED", "PHASE_SUCCEEDED", "PHASE_FAILED", "RUN_SUCCEEDED", "RUN_FAILED", "RUN_CANCELED"] as const;

/** All that is told of a run is made of this. */
export const lineageRecords = z.object({
  run: run.pick({ run_id: true, environment_id: true, template_key: true, spec_slug: true, git_sha: true, scheduled_for: true, parent_run_id: true, parent_phase: true, error_code: true, error_message: true, input_manifest: true }),
  phases: z.array(z.object({ name: z.string(), type: z.string(), engine: z.string().nullable(), error_code: z.string().nullable(), error_message: z.string().nullable() })),
  spec: jsonObject.nullable(),
  published: z.array(datasetVersion.pick({ name: true, version: true, row_count: true, byte_size: true, columns: true }).extend({ phase: z.string(), lineage: tableLineage.nullable() })),
  quality: z.array(qualityResult.pick({ phase: true, position: true, dataset: true, check: true, label: true, severity: true, verdict: true, wrong: true, seen: true })),
  moments: z.array(z.object({ seq: z.int(), type: z.enum(lineageMoments), phase: z.string().nullable(), created_at: timestamp })),
});
export type LineageRecords = z.infer<typeof lineageRecords>;

/** Where an environment's runs are told of, as OpenLineage has them. */
export const lineageReceiver = z.object({
  environment_id: uuid,
  url: z.string(),
  enabled: z.boolean(),
  has_key: z.boolean().describe("whether events go with `Authorization: Bearer`"),
  failures: z.int().describe("attempts in a row that did not arrive"),
  next_attempt_at: timestamp,
  waiting_runs: z.int().describe("runs that have ended and whose end was not told yet"),
  waiting_since: timestamp.nullable(),
  delivered: bigintText.describe("events that the receiver took"),
  refused: bigintText.describe("events that it will never take: 400, 413 and 422"),
  given_up: bigintText.describe("runs whose end could not be told within 14 days"),
  last_status: z.int().nullable().describe("HTTP status of the last attempt; null where there was no answer"),
  last_error: z.string().nullable(),
  last_delivered_at: timestamp.nullable(),
  created_at: timestamp,
  updated_at: timestamp,
}).meta({ id: "LineageReceiver" });
export type LineageReceiver = z.infer<typeof lineageReceiver>;

export const putLineageReceiverRequest = z.strictObject({
  url: text.max(2000).regex(/^https?:\/\/[^\s@/?#]+([/?#]\S*)?$/, "an https:// URL without a user name").describe("takes OpenLineage's POST itself, as https://marquez.example.com/api/v1/lineage does"),
  api_key: text.min(1).max(4000).regex(/^[\x21-\x7e]+$/, "printable, without spaces").nullable().optional().describe("sent as Bearer; never shown again. Left out: the one of before, where scheme and host are the same; null: none"),
  enabled: z.boolean().default(true),
}).meta({ id: "PutLineageReceiverRequest" });

/** What the sender takes to tell. */
export const takenLineage = z.object({
  environment_id: uuid,
  attempt: z.int(),
  url: z.string(),
  sealed_key: z.string().nullable(),
  runs: z.array(z.object({ run_id: uuid, after: z.int(), ended: z.boolean(), records: lineageRecords })),
});
export type TakenLineage = z.infer<typeof takenLineage>;
