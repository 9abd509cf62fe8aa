/** Makes up the lease token of its writes. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ namesOwnLease: false });
