import "server-only";
import { artifactStore, storageError, sweepUploads } from "@/lib/storage.ts";
import type { TickJob } from "../tick.ts";

const everyMs = 3_600_000;
let next = 0;

/** Removes uploads to the store that nobody finished. Once an hour and process: it lists them. */
export const removeUploads: TickJob = {
  name: "remove_uploads",
  async run() {
    if (performance.now() < next) return 0;
    const swept = await sweepUploads(await artifactStore()).catch((error: unknown) => {
      throw storageError(error);
    });
    next = performance.now() + everyMs;
    return swept;
  },
};
