/** Passes over a phase that failed. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ failedPhase: "succeeded" });
