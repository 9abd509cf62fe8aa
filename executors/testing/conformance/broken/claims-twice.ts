/** Takes two runs at once, with room for one. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ claims: 2 });
