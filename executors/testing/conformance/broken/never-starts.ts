/** Writes to a run that it has not started. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ startsRuns: false });
