import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

/** Parents whose children have ended go on; children whose parent is gone end. */
export const settleChildren: TickJob = {
  name: "settle_children",
  async run(db) {
    const { woken, canceled } = await callRpc(db, "settle_children", {});
    return woken + canceled;
  },
};
