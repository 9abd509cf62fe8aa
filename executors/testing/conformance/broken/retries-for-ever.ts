/** Sends what was refused for good again and again. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ retriesRefused: true, tries: 1_000_000 });
