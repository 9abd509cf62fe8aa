/** Asks an empty or busy control plane again at once. */
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ pauses: false });
