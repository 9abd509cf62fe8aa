/** Gives no sign of life while it works. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ heartbeats: false });
