import { join } from "node:path";
import type { TableIngestConfig } from "../../contracts/pipeline.ts";
import { PermanentError } from "../core/errors.ts";
import type { PhaseContext, PhaseHandler, PhaseResult, StagedFile, StagedTable } from "../core/phase.ts";
import type { CopyResult, EngineView, StepResult } from "../engines/duckdb-job.ts";
import { keptSlices, type SlicedTable } from "../lake/sliced-table.ts";
import { csvToParquet } from "../sources/csv-to-parquet.ts";
import { type ChangesRead, readChanges } from "../sources/read-changes.ts";
import { type ReadRequest, type ReadTable, readTables } from "../sources/read-tables.ts";
import { mapConcurrently } from "./concurrently.ts";
import { landFiles } from "./ingest-files.ts";
import { engineColumns, inputViews, viewFiles } from "./inputs.ts";
import { land, landAgain, landedResult, recordedLanding, secondsSince } from "./landing.ts";
import { type Landed, landedSince, landedTables } from "./source-marks.ts";
import { FILES_AT_ONCE, lakeTable } from "./staging.ts";

/**
 * Lands tables of a source as they are: one snapshot for all, typed, in key order. Incrementally, only rows written since the
 * registered version was read are fetched, with the keys of all; with cdc, the changes that the source's log has since. Merged, the files are those that a
 * full landing writes. Of a large table, which is
 * divided by ranges of its key, that is done in the ranges where something changed; the files of others stay. A run that repeats another, and a
 * later attempt of the same run, land again what the first landing recorded; the live source has moved on by then.
 */
export const ingest: PhaseHandler<"ingest"> = async (context) => {
  const { config } = context;
  const recorded = recordedLanding(context);
  if (recorded !== null) return landAgain(context, recorded);
  return "mode" in config ? landTables(context, config) : landFiles(context, config);
};

async function landTables(context: PhaseContext<"ingest">, config: TableIngestConfig): Promise<PhaseResult> {
  const { scratch } = context;
  const started = performance.now();
  const read = { rows: 0, bytes: 0 };
  const nameOf = (table: { name: string }): string => `${config.target}.${table.name}`;
  // A verification has no files of its own to keep.
  const landed = config.mode !== "full" && !context.run.isolated ? await landedTables(context, config.tables.map(nameOf)) : null;
  const request: ReadRequest = {
    kind: config.source,
    url: (await context.connection(config.connection, ["postgres", "odoo"])).url,
    schema: config.schema,
    companies: config.companies,
    tables: config.tables,
    directory: scratch,
    signal: context.signal,
    statement_timeout_ms: context.phase.timeout_seconds * 1000,
    log: (message, facts) => context.log("debug", message, facts),
    onStrongLogin: ({ login, because }) => context.progress(`The login ${login} may do more than a source needs: ${because}. Give the connection one that is a member of nothing.`, { warning: "source_login_too_strong" }),
    onRead: (rows, bytes) => context.used({ rows: read.rows += rows, bytes: read.bytes += bytes }),
  };
  const since: NonNullable<ReadRequest["since"]> = (table, app_id) => landedSince(landed?.get(nameOf(table)), app_id);
  const { cdc } = config;
  const log = cdc === undefined || landed === null ? null : await readChanges({ ...request, ...cdc, since, resync: cdc.resync === true, onSlot: (what) => context.progress(`The replication slot ${cdc.slot} was ${what}.`) });
  const { snapshot, tables } = log ?? (await readTables(landed === null ? request : { ...request, since }));
  const found = tables.filter((table) => table.content !== null);
  const missing = tables.filter((table) => table.missing).map((table) => table.name);
  const source_rows = found.reduce((sum, table) => sum + (table.content?.rows ?? 0), 0);
  const merged = found.filter((table) => table.present !== null || table.logged !== null);
  const read_seconds = secondsSince(started);
  context.progress(`Read ${found.length} tables with ${source_rows} ${merged.length > 0 ? `rows, of ${merged.length} of them those that changed,` : "rows"} from one snapshot of ${config.connection}.`, {
    tables: found.length, rows: source_rows, merged: merged.length, missing, horizon: snapshot.horizon, horizon_exact: snapshot.horizon_exact, ...slotFacts(log),
  });
  const whole = found.filter((table) => !table.by_company).map(({ name }) => name);
  if (config.companies !== undefined) context.progress(`Of ${found.length - whole.length} tables the rows of ${config.companies.length} companies and those of none land; ${whole.length} tables have no company and land whole.`, { companies: config.companies, whole });
  if (log !== null) reportSlot(context, log);
  const { staged, facts, metrics, kept } = await landRead(context, found, landed, nameOf);
  const ranged = found.filter((table) => table.ranged).map(nameOf);
  const versions = await context.pinDatasets(ranged);
  const made_of = ranged.length === 0 ? {} : { merged: Object.fromEntries(ranged.map((name) => [name, versions.get(name)!.table_version])) };
  merged.forEach((table) => refuseGap(table, staged.find(({ name }) => name === nameOf(table))!, kept.get(nameOf(table))!));
  const excluded = Object.fromEntries(found.filter((table) => table.excluded.length > 0).map((table) => [table.name, table.excluded]));
  await context.pinSource(context.phase.name, {
    connection: config.connection, kind: config.source, schema: config.schema, ...snapshot, missing, excluded, ...made_of, ...(config.companies === undefined ? {} : { companies: config.companies }),
    tables: staged.map((table, index) => ({ name: table.name, files: table.files.map(({ path, sha256 }) => ({ path, sha256 })), key: table.key, mark: found[index]!.mark })),
  });
  return landedResult(staged, { missing, excluded, ...made_of, ...facts }, { read_seconds, seconds: secondsSince(started), ...metrics, horizon: snapshot.horizon, ...slotFacts(log) });
}

/** Merges what was read into what landed and stages it. Of a divided table that is done in the slices that were touched, unless its rows are to be divided otherwise by now. */
async function landRead(context: PhaseContext<"ingest">, found: ReadTable[], landed: Map<string, Landed> | null, nameOf: (table: ReadTable) => string, whole: ReadonlySet<string> = new Set()): Promise<Awaited<ReturnType<typeof land>> & { kept: Map<string, StagedFile[]> }> {
  const touched = new Map(found.map((table) => [nameOf(table), whole.has(nameOf(table)) ? null : table.touched]));
  const slicedAs = (name: string): SlicedTable | null => (touched.get(name) === null ? null : landed!.get(name)!.sliced);
  const kept = new Map([...touched].map(([name, numbers]) => [name, [...(slicedAs(name)?.slices ?? [])].flatMap(([number, { staged }]) => (numbers!.includes(number) ? [] : staged))]));
  const steps = found.map((table) => csvToParquet(table, { name: nameOf(table), to: join(context.scratch, `${table.name}.parquet`), shift: slicedAs(nameOf(table))?.shift ?? null }));
  const merged = found.filter((table) => table.present !== null || table.logged !== null).map(nameOf);
  const views = [
    ...(await inputViews(context, { required: merged.filter((name) => touched.get(name) === null) })),
    ...(await mapConcurrently(merged.filter((name) => touched.get(name) !== null), FILES_AT_ONCE, (name) => touchedView(context, name, landed!.get(name)!, touched.get(name)!))),
  ];
  for (const table of found.filter(({ ranged }) => ranged)) refuseOtherColumns(nameOf(table), views.find(({ name }) => name === nameOf(table))?.columns ?? [], table.content!.columns);
  const check = async (results: StepResult[]): Promise<null> => {
    // The source was asked how many rows it has; the log says only what changed, so the sum is known now.
    const anew = found.filter(({ logged }, index) => logged !== null && touched.get(steps[index]!.name) !== null && keptSlices(slicedAs(steps[index]!.name)!, touched.get(steps[index]!.name)!, (results[index] as CopyResult).slices?.files ?? []) === null);
    if (anew.length > 0) throw new DividedAnew(new Set(anew.map(nameOf)));
    return null;
  };
  try {
    const read_files = found.flatMap(({ content, present }) => [content, present].flatMap((csv) => csv?.file ?? []));
    return { ...(await land(context, { steps, read_files, views, kept: ({ name }) => kept.get(name) ?? [], check })), kept };
  } catch (error) {
    if (!(error instanceof DividedAnew)) throw error;
    return landRead(context, found, landed, nameOf, error.tables);
  }
}

class DividedAnew extends Error {
  readonly tables: ReadonlySet<string>;
  constructor(tables: ReadonlySet<string>) {
    super("the rows are to be divided otherwise");
    this.tables = tables;
  }
}

/** How far the landing is behind the source's log, in bytes, and what the source keeps for it. */
function slotFacts(log: ChangesRead | null): Record<string, unknown> {
  return log?.slot == null ? {} : { slot: log.slot.name, slot_lag_bytes: log.slot.lag_bytes, slot_retained_bytes: log.slot.retained_bytes, slot_wal_status: log.slot.wal_status };
}

function reportSlot(context: PhaseContext<"ingest">, { slot, whole }: ChangesRead): void {
  for (const [table, because] of Object.entries(whole)) context.progress(`Read ${table} whole: ${because}.`, { warning: "source_read_whole", table });
  if (slot?.wal_status !== "extended" && slot?.wal_status !== "unreserved") return;
  context.progress(`The source keeps ${slot.retained_bytes} bytes of log for the slot ${slot.name}, more than it wants to (${slot.wal_status}): run this more often, or raise max_slot_wal_keep_size.`, { warning: "source_slot_lag" });
}

/** A row that the source had before the mark and that never landed: the version that is built on is not what it says. */
function refuseGap(table: ReadTable, staged: StagedTable, kept: StagedFile[]): void {
  if (table.present === null || table.ranged) return;
  const lacking = table.present.rows - (staged.row_count - kept.reduce((sum, file) => sum + file.row_count, 0));
  if (lacking === 0) return;
  throw new PermanentError("lake_conflict", `The registered version of ${staged.name} lacks ${lacking} rows that the source has had since before it was read. Run this ingest once with mode: full.`, { dataset: staged.name });
}

/** Rows of a range go into what has landed: both must have the same columns. */
function refuseOtherColumns(name: string, landed: readonly { name: string; type: string }[], read: readonly { name: string; duckdb_type: string }[]): void {
  const other = read.find((column) => !landed.some((each) => each.name === column.name && each.type === column.duckdb_type));
  if (other !== undefined) throw new PermanentError("lake_conflict", `${name}.${other.name} is not a ${other.duckdb_type} in the registered version. Run this ingest once without a range.`, { dataset: name });
}

/** The slices of a registered version in which something changed. */
async function touchedView(context: PhaseContext<"ingest">, name: string, { snapshot, sliced }: Landed, touched: number[]): Promise<EngineView> {
  const files = touched.flatMap((number) => sliced!.slices.get(number)?.file ?? []);
  return { name, parts: await viewFiles(context, await lakeTable(context.lake.read_root, name), snapshot.columns, files), columns: engineColumns(name, snapshot.columns) };
}
