import type { z } from "zod";
import { applyParameters } from "@/contracts/parameters.ts";
import { text, timestamp, uuid } from "@/contracts/common.ts";
import { nominalTimes, previewTimes as timesAfter, timesMistake, type Times } from "@/contracts/cron.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Run } from "@/contracts/run.ts";
import {
  fillScheduleWords, schedule, scheduleFire,
  type createScheduleRequest, type listFiresQuery, type listSchedulesQuery, type previewScheduleQuery, type previewScheduleRequest, type Schedule, type ScheduleFire, type scheduleTimes, type updateScheduleRequest,
} from "@/contracts/schedule.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment, whoami } from "./environments.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";
import { templateSpec } from "./templates.ts";

interface Page<T> { items: T[]; next_cursor: string | null }

/** Schedules by name, of one environment or of all that are visible. */
export async function listSchedules(db: Db, filter: Partial<z.output<typeof listSchedulesQuery>> = {}): Promise<Page<Schedule>> {
  const limit = filter.limit ?? 50;
  const after = decodeCursor(filter.cursor, [text, uuid]);
  let query = db.from("schedule_list").select(columns(schedule.shape));
  if (filter.environment_id !== undefined) query = query.eq("environment_id", filter.environment_id);
  if (filter.template_key !== undefined) query = query.eq("template_key", filter.template_key);
  if (after !== null) query = query.or(beyond(["name", "schedule_id"], after, "gt"));
  const rows = await readRows(schedule, query.order("name").order("schedule_id").limit(limit + 1));
  const page = pageOf(rows, limit, (row) => [row.name, row.schedule_id]);
  return { ...page, items: page.items.map(planned) };
}

/** Throws `not_found`. */
export async function getSchedule(db: Db, scheduleId: string): Promise<Schedule> {
  const [found] = await readRows(schedule, db.from("schedule_list").select(columns(schedule.shape)).eq("schedule_id", scheduleId).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such schedule, or you may not see it.");
  return planned(found);
}

/** The tick works out the next time of a new or changed schedule; until then it is answered as the tick will. */
function planned(found: Schedule): Schedule {
  if (found.next_time !== null || found.paused_at !== null) return found;
  return { ...found, next_time: nominalTimes(found, new Date()).next().value?.toISOString() ?? null };
}

/** Throws `invalid_input` for a cron or zone that cannot be read, `invalid_parameters`, `not_found`, `conflict`, `forbidden`. */
export async function createSchedule(db: Db, body: z.output<typeof createScheduleRequest>): Promise<Schedule> {
  const { environment: slug, project, ...fields } = body;
  checkTimes(fields);
  const { environment_id, project_id } = await resolveEnvironment(db, { environment: slug, project });
  await checkParameters(db, project_id, fields);
  return planned(await callRpc(db, "create_schedule", { schedule: { ...fields, environment_id } }));
}

/** Changes what is given. Throws as `createSchedule` does. */
export async function updateSchedule(db: Db, scheduleId: string, patch: z.output<typeof updateScheduleRequest>): Promise<Schedule> {
  const wanted = { ...(await getSchedule(db, scheduleId)), ...patch };
  checkTimes(wanted);
  if (patch.template_key !== undefined || patch.template_version !== undefined || patch.parameters !== undefined) {
    await checkParameters(db, await projectOf(db, wanted.environment_id), wanted);
  }
  return planned(await callRpc(db, "update_schedule", { schedule_id: scheduleId, patch }));
}

async function projectOf(db: Db, environmentId: string): Promise<string> {
  const found = (await whoami(db)).environments.find((each) => each.environment_id === environmentId);
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such environment, or you may not see it.");
  return found.project_id;
}

/** Throws `invalid_input`. */
export function checkTimes(times: Times): void {
  const mistake = timesMistake(times) ?? (times.start_at && times.end_at && Date.parse(times.end_at) <= Date.parse(times.start_at) ? { field: "end_at", code: "order", message: "is not after start_at" } : null);
  if (mistake === null) return;
  throw new ControlRoomError("invalid_input", `${mistake.field} ${mistake.message}.`, { errors: [{ path: `/${mistake.field}`, code: mistake.code, message: mistake.message }] });
}

/** The parameters as one run would have them must fit the pipeline. Throws `invalid_parameters`, `not_found`. */
export async function checkParameters(db: Db, projectId: string, wanted: { template_key: string; template_version?: number | null; parameters: Record<string, unknown> }): Promise<void> {
  const spec = await templateSpec(db, { project_id: projectId, template_key: wanted.template_key, version: wanted.template_version ?? undefined });
  const filled = fillScheduleWords(wanted.parameters, { nominal_time: "2026-01-01T00:00:00Z", nominal_date: "2026-01-01" });
  const unknown = /\$\{\{\s*schedule\.[^}]*\}\}/.exec(JSON.stringify(filled))?.[0];
  const errors = unknown === undefined ? applyParameters(spec, filled).errors : [{ path: "/parameters", code: "unknown_word", message: `${unknown} is neither schedule.nominal_time nor schedule.nominal_date` }];
  const [first] = errors;
  if (first !== undefined) throw new ControlRoomError("invalid_parameters", `The parameters do not fit the pipeline: ${first.path} ${first.message}.`, { errors });
}

/** Throws `not_found`, `forbidden`. */
export async function deleteSchedule(db: Db, scheduleId: string): Promise<void> {
  await callRpc(db, "delete_schedule", { schedule_id: scheduleId });
}
/** Throws `not_found`, `forbidden`. */
export function pauseSchedule(db: Db, scheduleId: string, note?: string): Promise<Schedule> {
  return callRpc(db, "pause_schedule", { schedule_id: scheduleId, note: note ?? null });
}
/** Throws `not_found`, `forbidden`. */
export async function resumeSchedule(db: Db, scheduleId: string): Promise<Schedule> {
  return planned(await callRpc(db, "resume_schedule", { schedule_id: scheduleId }));
}
/** Throws `not_found`, `forbidden`, `idempotency_conflict`. */
export function runSchedule(db: Db, scheduleId: string, idempotencyKey?: string): Promise<{ run: Run; created: boolean }> {
  return callRpc(db, "run_schedule", { schedule_id: scheduleId, idempotency_key: idempotencyKey ?? null });
}

type TimesAnswer = z.output<typeof scheduleTimes>;
/** Throws `not_found`. */
export async function previewSchedule(db: Db, scheduleId: string, query: z.output<typeof previewScheduleQuery>): Promise<TimesAnswer> {
  return { items: timesAfter(await getSchedule(db, scheduleId), moment(query.after), query.count) };
}
/** Of times that are not stored. Throws `invalid_input`. */
export async function previewTimes(db: Db, body: z.output<typeof previewScheduleRequest>): Promise<TimesAnswer> {
  await whoami(db); // the preview itself asks the database nothing, so who calls is asked here
  checkTimes(body);
  return { items: timesAfter(body, moment(body.after), body.count) };
}
function moment(after: string | undefined): Date {
  return after === undefined ? new Date() : new Date(after);
}

/** What became of a schedule's nominal times, newest first. Throws `not_found`. */
export async function listFires(db: Db, scheduleId: string, filter: Partial<z.output<typeof listFiresQuery>> = {}): Promise<Page<ScheduleFire>> {
  const limit = filter.limit ?? 50;
  const before = decodeCursor(filter.cursor, [timestamp]);
  await getSchedule(db, scheduleId);
  let query = db.from("schedule_fires").select(columns(scheduleFire.shape)).eq("schedule_id", scheduleId);
  if (filter.outcome !== undefined) query = query.eq("outcome", filter.outcome);
  if (before !== null) query = query.lt("nominal_time", before[0]);
  const rows = await readRows(scheduleFire, query.order("nominal_time", { ascending: false }).limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.nominal_time]);
}
