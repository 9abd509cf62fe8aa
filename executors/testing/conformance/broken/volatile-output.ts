/** Writes the time into its output. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ salt: () => new Date().toISOString() });
