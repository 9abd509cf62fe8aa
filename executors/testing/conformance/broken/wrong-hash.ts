/** Hashes something else than the bytes that it sends. */
import { createHash } from "node:crypto";
import { minimalExecutor } from "../minimal-executor.ts";

await minimalExecutor({ hashes: (bytes) => createHash("sha256").update(bytes).update("\\n").digest("hex") });
