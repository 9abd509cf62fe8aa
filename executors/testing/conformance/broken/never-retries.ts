/** Sends everything once. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ tries: 1 });
