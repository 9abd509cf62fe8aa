import "server-only";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

const atOnce = 500;
/** A million runs that ended at once must not keep the ticks that sweep leases waiting. */
const budgetMs = 1000;

/** Scores of runs that ended, a transaction for each batch. */
export const scores: TickJob = {
  name: "scores",
  async run(db, deadline) {
    let done = 0;
    const until = Math.min(deadline, performance.now() + budgetMs);
    while (performance.now() < until) {
      const scored = await callRpc(db, "score_ended_runs", { at_most: atOnce });
      done += scored;
      if (scored < atOnce) break;
    }
    return done;
  },
};
