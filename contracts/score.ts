import { z } from "zod";
import { jsonObject, timestamp, uuid, word } from "./common.ts";

/** Derived by the control plane; every other word is a signal of the executor's own. */
export const derivedSignals = ["run_failed", "failed_phases", "retries", "duration_ratio", "queue_wait_seconds", "quality_failures", "quality_warnings"] as const;

export const runScore = z.object({
  run_id: uuid,
  score: z.number().min(0).max(100),
  breakdown: z.array(z.object({
    signal: word,
    value: z.number(),
    weight: z.number(),
    lost: z.number().describe("share of its points that the signal cost, 0 to 1"),
  })).describe("what cost most comes first"),
  computed_at: timestamp,
}).meta({ id: "RunScore" });
export type RunScore = z.infer<typeof runScore>;

const weights = z.record(word, z.number().min(0).max(100_000));
export const signalWeights = z.object({
  project_id: uuid,
  weights: weights.describe("what counts here"),
  usual: weights.describe("what counts where the project says nothing"),
}).meta({ id: "SignalWeights" });
export const putSignalWeightsRequest = z.strictObject({ weights }).meta({ id: "PutSignalWeightsRequest" });

export const putSignalsRequest = z.strictObject({ signals: z.record(word, z.number().min(-1e300).max(1e300)) }).meta({ id: "PutSignalsRequest" });
export const signals = jsonObject.describe("all signals of the run so far").meta({ id: "Signals" });
