import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

/** Makes the next runs of the active backfills, each in its turn. Answers how many partitions it settled. */
export const advanceBackfills: TickJob = {
  name: "backfills",
  async run(db, deadline) {
    let settled = 0;
    while (performance.now() < deadline) {
      const { backfill_id, started, skipped } = await callRpc(db, "advance_backfill", {});
      if (backfill_id === null) break;
      settled += started + skipped;
    }
    return settled;
  },
};
