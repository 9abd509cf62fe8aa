/** Exits on SIGTERM and lets the lease run out. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ onSigterm: "die" });
