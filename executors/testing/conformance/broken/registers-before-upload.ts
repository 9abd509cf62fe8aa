/** Registers an artifact, and sends its bytes afterwards. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ uploadsFirst: false });
