import "server-only";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

/** Slices of bulk jobs, each a transaction of its own, until nothing is left to do or the time is up. */
export const bulk: TickJob = {
  name: "bulk",
  async run(db, deadline) {
    let done = 0;
    while (performance.now() < deadline) {
      const settled = await callRpc(db, "advance_bulk_jobs", {});
      if (settled === 0) break;
      done += settled;
    }
    return done;
  },
};
