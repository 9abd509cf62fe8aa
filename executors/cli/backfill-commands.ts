import { setTimeout as wait } from "node:timers/promises";
import { stringify } from "yaml";
import { cronOfUnit, type Backfill, type CreateBackfillRequest } from "../../contracts/backfill.ts";
import { checkSpec } from "../../contracts/check-spec.ts";
import { momentIn, timesMistake } from "../../contracts/cron.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import { request, type Connection } from "./connection.ts";
import type { PlaceOptions } from "./key-commands.ts";
import { exit, paintStatus, plain, tableLines, type ExitCode, type Output } from "./output.ts";
import { parseParameters } from "./pipeline-commands.ts";
import { rangeReplay } from "./range-replay.ts";
import { environmentId, watchRun } from "./run-commands.ts";

export interface BackfillOptions extends PlaceOptions {
  from: string;
  to: string;
  schedule?: string;
  unit?: CreateBackfillRequest["unit"];
  cron?: string;
  timeZone?: string;
  startParameter?: string;
  endParameter?: string;
  param: string[];
  reprocess?: CreateBackfillRequest["reprocess"];
  newestFirst?: boolean;
  maxActive?: number;
  queue?: string;
  preview?: boolean;
  watch?: boolean;
  idempotencyKey?: string;
}

/** A run for each partition of a range of time; with `preview` only how many there would be. */
export async function createBackfill(connection: Connection, output: Output, key: string | undefined, options: BackfillOptions): Promise<ExitCode> {
  const body = await backfillRequest(connection, key, options);
  if (options.preview === true) return previewBackfill(connection, output, body);
  const made = await request(connection, "create_backfill", { body, headers: { "idempotency-key": options.idempotencyKey ?? crypto.randomUUID() } });
  if (options.watch !== true) {
    if (output.json) output.value({ backfill: made });
    else output.line(made.backfill_id);
    return exit.ok;
  }
  if (!output.json) output.note(`Backfill ${made.backfill_id}`);
  return watchBackfill(connection, output, made.backfill_id);
}

async function previewBackfill(connection: Connection, output: Output, body: CreateBackfillRequest): Promise<ExitCode> {
  const preview = await request(connection, "preview_backfill", { body });
  if (output.json) {
    output.value(preview);
    return exit.ok;
  }
  const present = Object.entries(preview.present).filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`);
  output.line(`${preview.to_run} of ${preview.total} partitions would run, by version ${preview.template_version} (${present.join(", ")})`);
  const rows = preview.first.map((each) => [each.partition_start, each.partition_end, each.state, each.skip_reason ?? "runs"]);
  for (const line of tableLines(output, ["FROM", "TO", "THERE", ""], rows, 2)) output.line(line);
  if (preview.total > preview.first.length) output.line(`… and ${preview.total - preview.first.length} more`);
  return exit.ok;
}

async function backfillRequest(connection: Connection, key: string | undefined, options: BackfillOptions): Promise<CreateBackfillRequest> {
  const { schedule, environment, project } = options;
  if (key === undefined && schedule === undefined) throw new ControlRoomError("invalid_input", "Name a pipeline, or a schedule with --schedule.");
  const properties = options.param.length === 0 || key === undefined ? {} : (await request(connection, "get_template", { params: { template_key: key } })).parameters_schema["properties"];
  const given = {
    environment, project, template_key: key, schedule_id: schedule, unit: options.unit, cron: options.cron, time_zone: options.timeZone, queue: options.queue, reprocess: options.reprocess, max_active: options.maxActive,
    start_parameter: options.startParameter, end_parameter: options.endParameter, direction: options.newestFirst === true ? ("newest_first" as const) : undefined,
    parameters: options.param.length === 0 ? undefined : parseParameters(options.param, (properties ?? {}) as Record<string, Record<string, unknown>>),
  };
  const times = { range_start: moment(options.from, options.timeZone), range_end: moment(options.to, options.timeZone) };
  return { ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<CreateBackfillRequest>), ...times };
}

/** A date is its midnight in the zone; anything else is RFC 3339 already, or refused by the contract. */
function moment(text: string, zone = "UTC"): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return text;
  if (Number.isNaN(Date.parse(text))) throw new ControlRoomError("invalid_input", `"${text}" is no date.`);
  const mistake = timesMistake({ cron: cronOfUnit.day, time_zone: zone });
  if (mistake !== null) throw new ControlRoomError("invalid_input", mistake.message);
  return momentIn(zone, `${text}T00:00:00`).toISOString();
}

export async function listBackfills(connection: Connection, output: Output, filter: { status?: string; environment?: string; limit: number }): Promise<ExitCode> {
  const environment_id = filter.environment === undefined ? undefined : await environmentId(connection, filter.environment);
  const page = await request(connection, "list_backfills", { query: { environment_id, status: filter.status, limit: filter.limit } });
  if (output.json) output.value(page);
  else if (page.items.length === 0) output.note("There are no such backfills.");
  else for (const line of tableLines(output, ["BACKFILL", "STATUS", "PIPELINE", "FROM", "TO", "DONE"], page.items.map((each) => [each.backfill_id, each.status, each.template_key, each.range_start, each.range_end, done(each)]), 1)) output.line(line);
  return exit.ok;
}

/** A backfill, with the partitions that failed or were skipped and why. */
export async function showBackfill(connection: Connection, output: Output, id: string): Promise<ExitCode> {
  const params = { backfill_id: id };
  const [found, items] = await Promise.all([request(connection, "get_backfill", { params }), request(connection, "list_backfill_items", { params, query: { limit: 200 } })]);
  if (output.json) {
    output.value({ backfill: found, items: items.items });
    return exit.ok;
  }
  output.line(progressLine(output, found));
  const rows = items.items.map((each) => [each.partition_start, each.partition_end, each.run_status ?? each.outcome, each.run_id ?? "", plain(each.reason ?? "")]);
  for (const line of tableLines(output, ["FROM", "TO", "STATUS", "RUN", ""], rows, 2)) output.line(line);
  if (items.next_cursor !== null) output.line(`… and ${found.total - items.items.length} more`);
  return exit.ok;
}

/** How long it waits between two looks. */
const LOOK_MS = 2000;

/** Prints its progress until it has ended, or somebody pauses it; 1 where a partition failed or it was canceled. */
export async function watchBackfill(connection: Connection, output: Output, id: string, look_ms = LOOK_MS): Promise<ExitCode> {
  for (let said = ""; ; ) {
    const found = await request(connection, "get_backfill", { params: { backfill_id: id } });
    const line = output.json ? JSON.stringify(found) : progressLine(output, found);
    if (line !== said) {
      if (output.json) output.value({ backfill: found });
      else output.line(line);
    }
    said = line;
    const { queued, running, failed, canceled } = found.progress;
    if (found.status === "paused" && queued + running === 0) {
      output.note("It is paused: control-room backfill resume.");
      return exit.failed;
    }
    if ((found.status === "completed" || found.status === "canceled") && queued + running === 0) return found.status === "completed" && failed + canceled === 0 ? exit.ok : exit.failed;
    await wait(look_ms);
  }
}

export async function controlBackfill(connection: Connection, output: Output, verb: "pause" | "resume" | "cancel", id: string, note?: string): Promise<ExitCode> {
  const params = { backfill_id: id };
  const body = note === undefined ? {} : { note };
  const found = verb === "resume" ? await request(connection, "resume_backfill", { params }) : await request(connection, verb === "pause" ? "pause_backfill" : "cancel_backfill", { params, body });
  if (output.json) output.value({ backfill: found });
  else output.line(progressLine(output, found));
  return exit.ok;
}

export interface ReplayOptions extends PlaceOptions {
  column: string;
  from?: string;
  to?: string;
  param: string[];
  queue?: string;
  preview?: boolean;
}

/**
 * Reads the rows of a range of tables anew, in one run of those phases of a stored pipeline that land, check and publish them; with `preview` prints that
 * pipeline and starts nothing.
 */
export async function replayTables(connection: Connection, output: Output, key: string, tables: string[], options: ReplayOptions): Promise<ExitCode> {
  if (options.from === undefined && options.to === undefined) throw new ControlRoomError("invalid_input", "Give --from, --to, or both.");
  const template = await request(connection, "get_template", { params: { template_key: key } });
  const stored = checkSpec(template.spec).spec;
  const { spec, errors } = stored === null ? checkSpec(template.spec) : checkSpec(rangeReplay(stored, tables, { column: options.column, from: options.from ?? "", to: options.to ?? "" }));
  if (spec === null) throw new ControlRoomError("invalid_input", `${key} cannot replay that.`, { errors });
  const parameters = parseParameters(options.param, spec.parameters.properties);
  if (options.preview === true) {
    if (output.json) output.value(spec);
    else output.line(stringify(spec, { lineWidth: 150, aliasDuplicateObjects: false }).trimEnd());
    return exit.ok;
  }
  const place = { ...(options.environment === undefined ? {} : { environment: options.environment }), ...(options.project === undefined ? {} : { project: options.project }), ...(options.queue === undefined ? {} : { queue: options.queue }) };
  const run = await request(connection, "create_run", { body: { ...place, spec, parameters }, headers: { "idempotency-key": crypto.randomUUID() } });
  if (!output.json) output.note(`Run ${run.run_id}`);
  return watchRun(connection, output, run.run_id);
}

function done({ progress, total }: Backfill): string {
  const { succeeded, skipped, failed, canceled } = progress;
  return `${succeeded + skipped + failed + canceled} of ${total}${failed > 0 ? `, ${failed} failed` : ""}`;
}

function progressLine(output: Output, found: Backfill): string {
  const counts = Object.entries(found.progress).filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`);
  return `${paintStatus(output, found.status)} ${found.backfill_id} ${found.template_key} ${found.range_start} to ${found.range_end}: ${counts.join(", ") || "nothing yet"}${found.note === null ? "" : ` (${plain(found.note)})`}`;
}
