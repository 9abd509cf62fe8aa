import { setImmediate } from "node:timers/promises";
import type { z } from "zod";
import { backfill, backfillItem, cronOfUnit, maximumPartitions, type Backfill, type backfillPreview, type createBackfillRequest, type listBackfillsQuery, type listItemsQuery } from "@/contracts/backfill.ts";
import { timestamp, uuid } from "@/contracts/common.ts";
import { nominalTimes, type Times } from "@/contracts/cron.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import type { RpcArgs } from "@/contracts/rpc.ts";
import type { Schedule } from "@/contracts/schedule.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment, whoami } from "./environments.ts";
import { decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";
import { checkParameters, checkTimes, getSchedule } from "./schedules.ts";

type Request = z.output<typeof createBackfillRequest>;
interface Page<T> { items: T[]; next_cursor: string | null }

/** What it would run, and what is there already. Throws as `createBackfill` does. */
export async function previewBackfill(db: Db, body: Request): Promise<z.output<typeof backfillPreview>> {
  return callRpc(db, "preview_backfill", await plan(db, body));
}

/** `created` is false for a repeated key. Throws `invalid_input`, `invalid_parameters`, `not_found`, `idempotency_conflict`, `forbidden`. */
export async function createBackfill(db: Db, body: Request, idempotency_key?: string): Promise<{ backfill: Backfill; created: boolean }> {
  const { request, starts } = await plan(db, body);
  return callRpc(db, "create_backfill", { request: { ...request, idempotency_key }, starts });
}

/** The request with what its schedule gives, and its partitions. */
async function plan(db: Db, body: Request): Promise<RpcArgs<"create_backfill">> {
  const schedule = body.schedule_id === undefined ? null : await getSchedule(db, body.schedule_id);
  const { environment: slug, project, unit, ...fields } = body;
  const times = gridOf(body, schedule);
  const template_key = body.template_key ?? schedule?.template_key;
  if (template_key === undefined) throw refused("template_key", "is needed, or a schedule_id");
  const { environment_id, project_id } = schedule === null || slug !== undefined ? await resolveEnvironment(db, { environment: slug, project }) : await environmentOf(db, schedule.environment_id);
  const request = {
    ...fields, ...times, environment_id, template_key,
    template_version: body.template_version ?? (template_key === schedule?.template_key ? schedule.template_version ?? undefined : undefined),
    parameters: body.parameters ?? schedule?.parameters ?? {},
    queue: body.queue ?? schedule?.queue ?? "default",
    labels: body.labels ?? schedule?.labels ?? [],
    max_attempts: body.max_attempts ?? schedule?.max_attempts ?? 3,
  };
  await checkParameters(db, project_id, request);
  return { request, starts: await partitionStarts(times, body) };
}

async function environmentOf(db: Db, environmentId: string): Promise<{ environment_id: string; project_id: string }> {
  const found = (await whoami(db)).environments.find((each) => each.environment_id === environmentId);
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such environment, or you may not see it.");
  return found;
}

/** Where partitions begin: exactly one of unit, cron and schedule says it. */
function gridOf(body: Request, schedule: Schedule | null): { cron: string; time_zone: string } {
  if (body.unit !== undefined && body.cron !== undefined) throw refused("cron", "is not given together with unit");
  const cron = body.cron ?? (body.unit === undefined ? schedule?.cron : cronOfUnit[body.unit]);
  if (cron === undefined) throw refused("unit", "is needed, or cron, or a schedule_id");
  const times = { cron, time_zone: body.time_zone ?? schedule?.time_zone ?? "UTC" };
  checkTimes(times);
  return times;
}

/** From range_start on, before range_end. Lets other requests have their turn: 10,000 take about two seconds. */
async function partitionStarts(times: Times, { range_start, range_end }: Pick<Request, "range_start" | "range_end">): Promise<string[]> {
  const [start, end] = [Date.parse(range_start), Date.parse(range_end)];
  if (end <= start) throw refused("range_end", "is not after range_start");
  const starts: string[] = [];
  for (const time of nominalTimes(times, new Date(start - 1))) {
    if (time.getTime() >= end) break;
    if (starts.length >= maximumPartitions) throw refused("range_end", `makes more than ${maximumPartitions} partitions: choose a shorter range, or several backfills`);
    starts.push(time.toISOString());
    if (starts.length % 50 === 0) await setImmediate();
  }
  if (starts.length === 0) throw refused("range_start", "and range_end hold no partition");
  return starts;
}

function refused(field: string, message: string): ControlRoomError {
  return new ControlRoomError("invalid_input", `${field} ${message}.`, { errors: [{ path: `/${field}`, message }] });
}

/** Backfills, newest first. */
export async function listBackfills(db: Db, filter: Partial<z.output<typeof listBackfillsQuery>> = {}): Promise<Page<Backfill>> {
  const limit = filter.limit ?? 50;
  const before = decodeCursor(filter.cursor, [uuid]);
  let query = db.from("backfill_list").select(columns(backfill.shape));
  if (filter.environment_id !== undefined) query = query.eq("environment_id", filter.environment_id);
  if (filter.status !== undefined) query = query.eq("status", filter.status);
  if (before !== null) query = query.lt("backfill_id", before[0]);
  return pageOf(await readRows(backfill, query.order("backfill_id", { ascending: false }).limit(limit + 1)), limit, (row) => [row.backfill_id]);
}

/** Throws `not_found`. */
export async function getBackfill(db: Db, backfillId: string): Promise<Backfill> {
  const [found] = await readRows(backfill, db.from("backfill_list").select(columns(backfill.shape)).eq("backfill_id", backfillId).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such backfill, or you may not see it.");
  return found;
}

/** Its partitions, oldest first. Throws `not_found`. */
export async function listBackfillItems(db: Db, backfillId: string, filter: Partial<z.output<typeof listItemsQuery>> = {}): Promise<Page<z.output<typeof backfillItem>>> {
  const limit = filter.limit ?? 50;
  const after = decodeCursor(filter.cursor, [timestamp]);
  let query = db.from("backfill_item_list").select(columns(backfillItem.shape)).eq("backfill_id", backfillId);
  if (filter.outcome !== undefined) query = query.eq("outcome", filter.outcome);
  if (after !== null) query = query.gt("partition_start", after[0]);
  const rows = await readRows(backfillItem, query.order("partition_start").limit(limit + 1));
  if (rows.length === 0) await getBackfill(db, backfillId);
  return pageOf(rows, limit, (row) => [row.partition_start]);
}

/** Throws `not_found`, `illegal_transition`, `forbidden`; so do the two below. */
export function pauseBackfill(db: Db, backfillId: string, note?: string): Promise<Backfill> {
  return callRpc(db, "pause_backfill", { backfill_id: backfillId, note: note ?? null });
}
export function resumeBackfill(db: Db, backfillId: string): Promise<Backfill> {
  return callRpc(db, "resume_backfill", { backfill_id: backfillId });
}
export function cancelBackfill(db: Db, backfillId: string, note?: string): Promise<Backfill> {
  return callRpc(db, "cancel_backfill", { backfill_id: backfillId, note: note ?? null });
}
