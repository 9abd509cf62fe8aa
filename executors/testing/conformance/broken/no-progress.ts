/** Shows no progress within a phase. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ showsProgress: false });
