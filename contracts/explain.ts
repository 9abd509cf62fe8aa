import { z } from "zod";
import { jsonObject, timestamp, uuid } from "./common.ts";
import { runStatus } from "./run.ts";

/** The rules that hold a run back, in the order in which they are told. */
export const explainRules = [
  "finished", "lease_held", "lease_expired", "cancel_requested", "stopping", "children", "expired", "expires_at", "run_after", "backoff", "gate", "rate", "cap", "executors", "fair_share", "queue_position", "ready",
] as const;
export const explainReason = z.object({
  rule: z.enum(explainRules),
  detail: z.string().describe("one sentence, with the figures"),
  remedy: z.string().describe("what to do, or what to wait for"),
  row: jsonObject.describe("the row that blocks it: its kind, its id, and what matters of it"),
});
export type ExplainReason = z.infer<typeof explainReason>;
export const explanation = z.object({ run_id: uuid, status: runStatus, at: timestamp, reasons: z.array(explainReason).min(1) }).meta({ id: "Explanation" });
export type Explanation = z.infer<typeof explanation>;
