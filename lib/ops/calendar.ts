import "server-only";
import { localTime, previewTimes, type NominalTime } from "@/contracts/cron.ts";
import { scheduleFire, type Schedule, type ScheduleFire } from "@/contracts/schedule.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { columns, readRows } from "./rpc.ts";
import { listSchedules } from "./schedules.ts";

/** A nominal time of a schedule: one that has fired, with what became of it, or one that is to come. */
export interface CalendarEntry {
  schedule_id: string;
  name: string;
  time_zone: string;
  /** RFC 3339 in UTC. */
  at: string;
  /** RFC 3339 with the offset of the schedule's zone. */
  local_time: string;
  clock_change: NominalTime["clock_change"];
  /** Null: to come. */
  outcome: ScheduleFire["outcome"] | null;
  run_id: string | null;
}
export interface Calendar {
  entries: CalendarEntry[];
  schedules: number;
  /** Names of schedules of which not every time is among the entries. */
  cut: string[];
}

const schedulesShown = 100;
const firesShown = 1000;
/** A time takes about 0.5 ms to work out: this many are half a second at most. */
const timesShown = 1000;

/** What fires, and has fired, in an environment from one moment to another. Throws `not_found`. */
export async function readCalendar(db: Db, environment_id: string, from: Date, to: Date, now: Date): Promise<Calendar> {
  const { items } = await listSchedules(db, { environment_id, limit: schedulesShown });
  if (items.length === 0) return { entries: [], schedules: 0, cut: [] };
  const byId = new Map(items.map((each) => [each.schedule_id, each]));
  const fires = await readRows(scheduleFire, db.from("schedule_fires").select(columns(scheduleFire.shape)).in("schedule_id", [...byId.keys()])
    .gte("nominal_time", from.toISOString()).lt("nominal_time", to.toISOString()).order("nominal_time", { ascending: false }).limit(firesShown));
  const past = fires.flatMap((fire): CalendarEntry[] => {
    const of = byId.get(fire.schedule_id);
    return of === undefined ? [] : [entryOf(of, { nominal_time: new Date(fire.nominal_time).toISOString(), local_time: localTime(new Date(fire.nominal_time), of.time_zone), clock_change: null }, fire)];
  });
  const each = Math.max(10, Math.floor(timesShown / items.length));
  const cut = new Set<string>(fires.length === firesShown ? items.map(({ name }) => name) : []);
  const coming = items.filter(({ paused_at }) => paused_at === null).flatMap((schedule): CalendarEntry[] => {
    const end = schedule.end_at !== null && Date.parse(schedule.end_at) < to.getTime() ? schedule.end_at : to.toISOString();
    const times = previewTimes({ ...schedule, end_at: end }, new Date(Math.max(from.getTime() - 1, now.getTime())), each + 1);
    if (times.length > each) cut.add(schedule.name);
    return times.slice(0, each).map((time) => entryOf(schedule, time, null));
  });
  const entries = [...past, ...coming].toSorted((a, b) => (a.at === b.at ? (a.name < b.name ? -1 : 1) : a.at < b.at ? -1 : 1));
  return { entries, schedules: items.length, cut: [...cut] };
}

function entryOf({ schedule_id, name, time_zone }: Schedule, { nominal_time, local_time, clock_change }: NominalTime, fire: ScheduleFire | null): CalendarEntry {
  return { schedule_id, name, time_zone, at: nominal_time, local_time, clock_change, outcome: fire?.outcome ?? null, run_id: fire?.run_id ?? null };
}
