/** Does not look at what a heartbeat answers. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ obeysCancel: false });
