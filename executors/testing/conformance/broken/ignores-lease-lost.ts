/** Goes on writing after the control plane said that another executor has the run. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ obeysLeaseLost: false });
