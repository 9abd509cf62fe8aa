import "server-only";
import { artifactStore, removeObject, storageError } from "@/lib/storage.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

/** The rows of what was deleted, slice by slice, then the bytes that nobody knows any more. */
export const advanceDeletions: TickJob = {
  name: "advance_deletions",
  async run(db, deadline) {
    let done = 0;
    while (performance.now() < deadline) {
      const removed = await callRpc(db, "advance_deletions", {});
      if (removed === 0) break;
      done += removed;
    }
    return done + (await removeOrphans(db, deadline));
  },
};

/** Exported for tests. */
export async function removeOrphans(db: Db, deadline: number): Promise<number> {
  const taken = await callRpc(db, "take_orphans", {});
  if (taken.length === 0) return 0;
  const store = await artifactStore();
  const removed: string[] = [];
  for (const sha256 of taken) {
    if (performance.now() > deadline) break; // the rest comes again after a minute
    await removeObject(store, sha256).catch((error: unknown) => {
      throw storageError(error);
    });
    removed.push(sha256);
  }
  return callRpc(db, "settle_orphans", { removed });
}
