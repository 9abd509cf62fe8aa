import "server-only";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

/** Records which datasets have become late, broken their promise, or are fresh again. The database looks every twenty seconds at most. */
export const watchFreshness: TickJob = {
  name: "watch_freshness",
  run: (db) => callRpc(db, "check_freshness", {}),
};
