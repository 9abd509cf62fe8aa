import { nominalTimes, timesMistake } from "@/contracts/cron.ts";
import type { RpcArgs, RpcReturns } from "@/contracts/rpc.ts";
import { log } from "@/lib/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "../rpc.ts";
import type { TickJob } from "../tick.ts";

/** Nominal times of one schedule a call: a schedule far behind takes turns with the others. */
const timesAtOnce = 100;
type Due = RpcReturns<"due_schedules">["items"][number];

/** Fires what is due, the longest due first, until nothing moves any more. Answers how many nominal times it settled. */
export const fireSchedules: TickJob = {
  name: "schedules",
  async run(db, deadline) {
    let settled = 0;
    for (let moved = true; moved && performance.now() < deadline; ) {
      moved = false;
      const { now, items } = await callRpc(db, "due_schedules", {});
      for (const due of items) {
        if (performance.now() >= deadline) break;
        const fired = await fire(db, due, new Date(now));
        moved ||= fired.moved;
        settled += fired.settled;
      }
    }
    return settled;
  },
};

/** One schedule that fails does not keep the others from their turn. */
async function fire(db: Db, due: Due, now: Date): Promise<RpcReturns<"fire_schedule">> {
  try {
    return await callRpc(db, "fire_schedule", planFire(due, now));
  } catch (error) {
    log.error({ err: error, schedule_id: due.schedule_id }, "a schedule could not be fired");
    return { moved: false, settled: 0, started: 0 };
  }
}

/** The nominal times up to `now` and the one that follows: what cron alone can say. All else is the database's. */
export function planFire(due: Due, now: Date): RpcArgs<"fire_schedule"> {
  const plan = { schedule_id: due.schedule_id, expected_after: due.after_time };
  const mistake = timesMistake(due);
  if (mistake !== null && mistake.code !== "never") return { ...plan, nominal_times: [], problem: `${mistake.field} ${mistake.message}.` };
  const nominal_times: string[] = [];
  for (const time of nominalTimes(due, new Date(due.after_time))) {
    if (time > now || nominal_times.length >= timesAtOnce) return { ...plan, nominal_times, next_time: time.toISOString() };
    nominal_times.push(time.toISOString());
  }
  return { ...plan, nominal_times, next_time: null };
}
