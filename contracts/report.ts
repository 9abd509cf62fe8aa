import { z } from "zod";
import { registerArtifactRequest } from "./artifact.ts";
import { completeRequest, failRequest, heartbeatRequest, releaseRequest, runState } from "./claim.ts";
import { uuid, word } from "./common.ts";
import { pinInputsRequest } from "./dataset.ts";
import { appendEventsRequest } from "./event.ts";
import { itemError } from "./error.ts";
import { appendLogsRequest } from "./log.ts";
import { setPhaseRequest } from "./run.ts";

/** One write of a report: the body of the operation that does it alone, and its type. */
export const runWrite = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("start") }),
  z.strictObject({ type: z.literal("phase"), name: word, patch: setPhaseRequest }),
  appendEventsRequest.extend({ type: z.literal("events") }),
  z.strictObject({ type: z.literal("artifact"), artifact: registerArtifactRequest }),
  pinInputsRequest.extend({ type: z.literal("inputs") }),
  appendLogsRequest.extend({ type: z.literal("logs") }),
  heartbeatRequest.extend({ type: z.literal("heartbeat") }),
  completeRequest.extend({ type: z.literal("complete") }),
  failRequest.extend({ type: z.literal("fail") }),
  releaseRequest.extend({ type: z.literal("release") }),
]).meta({ id: "RunWrite" });
export type RunWrite = z.input<typeof runWrite>;

export const runReport = z.strictObject({
  run_id: uuid,
  lease_token: uuid,
  report_id: uuid.optional().describe("made by the sender: a repeat of the run's last report gets its recorded answer"),
  writes: z.array(runWrite).min(1).max(1000).describe("applied in this order, all or none"),
}).meta({ id: "RunReport" });
export type RunReport = z.input<typeof runReport>;
export const reportsRequest = z.strictObject({ reports: z.array(runReport).min(1).max(500) }).meta({ id: "ReportsRequest" });

/** The run's state after the writes; `answers` to its writes of type artifact, inputs and heartbeat, in order. */
const applied = runState.extend({ ok: z.literal(true), answers: z.array(z.unknown()) }).meta({ id: "ReportApplied" });
const refused = z.object({
  run_id: uuid.nullable(),
  ok: z.literal(false),
  error: itemError,
}).meta({ id: "ReportRefused" });
export const reportAnswer = z.discriminatedUnion("ok", [applied, refused]);
export type ReportAnswer = z.infer<typeof reportAnswer>;
export const reportsResponse = z.object({ items: z.array(reportAnswer).describe("one for each report, in order") }).meta({ id: "ReportsResponse" });
export type ReportsResponse = z.infer<typeof reportsResponse>;
