/** Takes SIGTERM for the end of the work, and reports success. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ onSigterm: "succeed" });
