/** Comes back when it likes. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ honoursRetryAfter: false });
