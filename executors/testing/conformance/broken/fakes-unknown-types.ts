/** Reports a phase of an unknown type as done. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ onUnknownType: "succeed" });
