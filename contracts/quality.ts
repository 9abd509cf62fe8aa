import { z } from "zod";
import { bigintText, datasetName, jsonObject, page, pageQuery, text, timestamp, uuid, word } from "./common.ts";

export const severities = ["warn", "quarantine", "fail"] as const;
/** warn: is reported; quarantine: the rows that are wrong go to a table of their own; fail: nothing is published. */
export const severity = z.enum(severities);
export const qualityVerdicts = ["pass", "warn", "quarantine", "fail"] as const;
export const qualityVerdict = z.enum(qualityVerdicts);
export type QualityVerdict = z.infer<typeof qualityVerdict>;

/** What one check of a run's validate phase found; no row content. */
export const newQualityResult = z.strictObject({
  dataset: datasetName,
  check: word.describe("the kind of check, for example unique"),
  label: text.min(1).max(500).describe("the check in one line, for example silver.partners unique (partner_id)"),
  severity,
  verdict: qualityVerdict,
  wrong: z.int().min(0).describe("rows, or keys of `unique`, or columns of `schema_drift`, that break the rule"),
  seen: z.int().min(0).describe("rows that were looked at"),
  facts: jsonObject.default({}).describe("figures of the check, for example the columns that drifted"),
});
export type NewQualityResult = z.input<typeof newQualityResult>;

export const recordQualityRequest = z.strictObject({ phase: word, results: z.array(newQualityResult).max(5000) }).meta({ id: "RecordQualityRequest" });
export const recordQualityResponse = z.object({ recorded: z.int(), failed: z.int() }).meta({ id: "RecordQualityResponse" });

export const qualityResult = z.object({
  result_id: bigintText,
  environment_id: uuid,
  run_id: uuid,
  phase: z.string(),
  position: z.int(),
  dataset: datasetName,
  check: z.string(),
  label: z.string(),
  severity,
  verdict: qualityVerdict,
  wrong: bigintText,
  seen: bigintText,
  facts: jsonObject,
  created_at: timestamp,
}).meta({ id: "QualityResult" });
export type QualityResult = z.infer<typeof qualityResult>;
export const qualityPage = page(qualityResult).meta({ id: "QualityPage" });
/** Newest first. */
export const listQualityQuery = pageQuery.extend({ environment_id: uuid.optional(), dataset: datasetName.optional(), run_id: uuid.optional(), verdict: qualityVerdict.optional() })
  .refine((query) => query.run_id !== undefined || query.environment_id !== undefined, { error: "needs environment_id or run_id" });
