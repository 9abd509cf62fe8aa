import "server-only";
import type { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import type { tickResponse } from "@/contracts/executor.ts";
import { log } from "@/lib/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "./rpc.ts";
import { watchAlerts } from "./tick/alerts.ts";
import { advanceBackfills } from "./tick/backfills.ts";
import { sealAudit } from "./tick/audit.ts";
import { bulk } from "./tick/bulk.ts";
import { advanceDeletions } from "./tick/deletions.ts";
import { compactLogs } from "./tick/compact-logs.ts";
import { settleChildren } from "./tick/settle-children.ts";
import { removeUploads } from "./tick/uploads.ts";
import { scores } from "./tick/scores.ts";
import { fireSchedules } from "./tick/schedules.ts";
import { watchFreshness } from "./tick/freshness.ts";
import { lineage } from "./tick/lineage.ts";
import { webhooks } from "./tick/webhooks.ts";

/**
 * One job of the scheduler: does a bounded piece of work and answers how many things it did. Many callers may run it at
 * once; the database decides who gets what. `deadline` is a time of `performance.now()` after which it begins nothing new.
 */
export interface TickJob {
  name: string;
  run: (db: Db, deadline: number) => Promise<number>;
}

/** Run in this order, one after the other. Those that wait for others come last. */
const jobs: TickJob[] = [
  settleChildren,
  fireSchedules,
  advanceBackfills,
  bulk,
  sealAudit,
  compactLogs,
  scores,
  watchFreshness,
  watchAlerts,
  advanceDeletions,
  removeUploads,
  webhooks,
  lineage,
];

/** A tick answers within about so long, whatever waits: the next one goes on. */
const budgetMs = 5000;

/** One scheduler tick: first what SQL does by itself, then the jobs. What fails does not keep the others from their turn; the tick's own error is thrown at the end. */
export async function tick(db: Db): Promise<z.infer<typeof tickResponse>> {
  const deadline = performance.now() + budgetMs;
  const [swept] = await Promise.allSettled([callRpc(db, "tick", {})]);
  // Who may not tick may do none of the rest.
  if (swept.status === "rejected" && swept.reason instanceof ControlRoomError && (swept.reason.status === 401 || swept.reason.status === 403)) throw swept.reason;
  const done: Record<string, number> = {};
  for (const job of jobs) {
    try {
      // At most half of what is left, so that the others have their turn.
      done[job.name] = await job.run(db, (performance.now() + deadline) / 2);
    } catch (error) {
      done[job.name] = -1;
      log.error({ err: error, job: job.name }, "a job of the scheduler failed");
    }
  }
  if (swept.status === "rejected") throw swept.reason;
  return { ...swept.value, jobs: done };
}
