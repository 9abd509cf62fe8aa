import { z } from "zod";
import { sha256, timestamp, uuid } from "./common.ts";
import { runStatus } from "./run.ts";

/** The report's name: an artifact of the verifying run that belongs to no phase. */
export const verificationReportName = "verification.json";

/** `same_rows`: other bytes (another version of the engine wrote them), the same content. */
export const verificationVerdicts = ["equal", "same_rows", "differs"] as const;
export const verificationVerdict = z.enum(verificationVerdicts);
export type VerificationVerdict = z.infer<typeof verificationVerdict>;

/** A row as it was in the original and as it is now. Values are text; masked ones are `***`. */
export const rowDifference = z.object({
  kind: z.enum(["removed", "added", "changed"]).describe("removed: only the original has it; added: only the repetition"),
  key: z.record(z.string(), z.string().nullable()).describe("the row's unique key; its whole content where the table has none"),
  values: z.record(z.string(), z.object({ original: z.string().nullable(), again: z.string().nullable() })).describe("the columns that differ, of a changed row"),
}).meta({ id: "RowDifference" });
export type RowDifference = z.infer<typeof rowDifference>;

export const tableDifference = z.object({
  phase: z.string(),
  dataset: z.string(),
  verdict: z.enum(["same_rows", "differs", "not_compared"]).describe("not_compared: the content differs, and the rows could not be looked at"),
  reason: z.string().nullable(),
  original_sha256: sha256,
  again_sha256: sha256,
  rows_removed: z.int().min(0),
  rows_added: z.int().min(0),
  rows_changed: z.int().min(0),
  columns: z.array(z.object({ name: z.string(), change: z.enum(["values", "added", "removed", "retyped"]), rows: z.int().min(0).describe("changed rows in which it differs") })),
  sample: z.array(rowDifference).max(20),
}).meta({ id: "TableDifference" });
export type TableDifference = z.infer<typeof tableDifference>;

export const verificationReport = z.object({
  original_run_id: uuid,
  verdict: verificationVerdict,
  phases: z.int().min(0).describe("phases that were compared by their hash"),
  tables: z.int().min(0).describe("tables that were compared by their hash"),
  differences: z.array(tableDifference).max(200).describe("tables whose content has another hash"),
  facts: z.array(z.object({ phase: z.string(), paths: z.array(z.string()).max(50) })).describe("what else of a phase's output differs, as JSON pointers; an empty one: the phase ended on one side only"),
});
export type VerificationReport = z.infer<typeof verificationReport>;

/** What a verifying run's output manifest says of it, under `verification`. */
export const verificationSummary = z.object({ original_run_id: uuid, verdict: verificationVerdict, phases: z.int(), tables: z.int(), differing_tables: z.int(), report_sha256: sha256 });
export type VerificationSummary = z.infer<typeof verificationSummary>;

export const verification = z.object({
  run_id: uuid.describe("the run that was verified"),
  verification_run_id: uuid.nullable().describe("its newest verification; null: there was none"),
  status: runStatus.nullable(),
  finished_at: timestamp.nullable(),
  verdict: verificationVerdict.nullable().describe("null until the verification has succeeded, and where its executor compared nothing"),
  report: verificationReport.nullable(),
}).meta({ id: "Verification" });
export type Verification = z.infer<typeof verification>;
