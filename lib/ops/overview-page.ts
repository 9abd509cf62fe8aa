import { z } from "zod";
import { timestamp, uuid } from "@/contracts/common.ts";
import type { Overview } from "@/contracts/overview.ts";
import type { Run } from "@/contracts/run.ts";
import { schedule, type Schedule } from "@/contracts/schedule.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc, columns, readRows } from "./rpc.ts";
import { listRuns } from "./runs.ts";

const listed = 8;
const pausedRead = 50;
const staleLease = z.object({ run_id: uuid, expires_at: timestamp });

/** What the runs of an environment did from `from` to `to` (Unix milliseconds) in steps of `step` milliseconds. Throws `not_found`, `invalid_input`. */
export function readOverview(db: Db, environmentId: string, { from, to, step }: { from: number; to: number; step: number }): Promise<Overview> {
  return callRpc(db, "read_overview", { environment_id: environmentId, from_at: new Date(from).toISOString(), to_at: new Date(to).toISOString(), step_seconds: step / 1000 });
}

/** The runs that are under way, newest first. */
export async function runningNow(db: Db, environmentId: string): Promise<Run[]> {
  return (await listRuns(db, { environment_id: environmentId, status: ["running", "claimed"], limit: listed })).items;
}

const schedulesOf = (db: Db, environmentId: string) => db.from("schedule_list").select(columns(schedule.shape)).eq("environment_id", environmentId);

/** The schedules that fire next, the first one first. */
export function nextSchedules(db: Db, environmentId: string): Promise<Schedule[]> {
  return readRows(schedule, schedulesOf(db, environmentId).not("next_time", "is", null).order("next_time").limit(listed));
}

/** The schedules that paused themselves because their runs failed, the last one first. */
export async function selfPausedSchedules(db: Db, environmentId: string): Promise<Schedule[]> {
  const paused = await readRows(schedule, schedulesOf(db, environmentId).not("paused_at", "is", null).order("paused_at", { ascending: false }).limit(pausedRead));
  return paused.filter((each) => each.paused_by === each.name);
}

/** Leases that ran out by the database's clock, which is what `now` means to it, and that nobody has taken back yet. */
export function staleLeases(db: Db, environmentId: string): Promise<z.output<typeof staleLease>[]> {
  return readRows(staleLease, db.from("leases").select(columns(staleLease.shape)).eq("environment_id", environmentId).lt("expires_at", "now").order("expires_at").limit(listed));
}
