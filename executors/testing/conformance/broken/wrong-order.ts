/** Executes the phases in the order in which they are written. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ inOrder: false });
