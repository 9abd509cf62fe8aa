import "server-only";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

const atOnce = 50;

/** Judges the alert rules whose turn it is: each every twenty seconds at most. Answers how many notifications began to fire or were resolved. */
export const watchAlerts: TickJob = {
  name: "alerts",
  async run(db, deadline) {
    let done = 0;
    while (performance.now() < deadline) {
      const { judged, turned } = await callRpc(db, "check_alert_rules", { at_most: atOnce });
      done += turned;
      if (judged < atOnce) break;
    }
    return done;
  },
};
