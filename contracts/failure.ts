import { z } from "zod";
import { text, timestamp, uuid } from "./common.ts";

/** Why a failed run is no longer in the inbox though nothing has succeeded since. */
export const failureMarks = ["acknowledged", "waived"] as const;
export const failureStates = ["open", "marked"] as const;
export type FailureState = (typeof failureStates)[number];

export const failure = z.object({
  run_id: uuid,
  environment_id: uuid,
  spec_slug: z.string(),
  template_key: z.string().nullable(),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
  finished_at: timestamp,
  mark: z.enum(failureMarks).nullable().describe("null: nobody has dealt with it"),
  reason: z.string().nullable(),
  marked_by: z.string().nullable(),
  marked_at: timestamp.nullable(),
}).meta({ id: "Failure" });
export type Failure = z.infer<typeof failure>;

export const listFailuresQuery = z.object({ environment_id: uuid, state: z.enum(failureStates).default("open").describe("open: failed, not succeeded since, and not marked; marked: the last mark first") });
export const failureList = z.object({ items: z.array(failure).max(200) }).meta({ id: "FailureList" });
export const markFailureRequest = z.strictObject({
  mark: z.enum([...failureMarks, "none"]).describe("none puts it back into the inbox"),
  reason: text.max(1000).optional().describe("a waiver needs one"),
}).refine(({ mark, reason }) => mark !== "waived" || (reason ?? "").trim() !== "", { error: "is needed for a waiver", path: ["reason"] }).meta({ id: "MarkFailureRequest", examples: [{ mark: "waived", reason: "The source was being moved." }] });
export type MarkFailureRequest = z.input<typeof markFailureRequest>;
