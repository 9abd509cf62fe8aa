import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { inSlices } from "../engines/key-slices.ts";
import { CodedError } from "../storage/coded-error.ts";
import { storageFault } from "../storage/file-storage.ts";
import { type LandedTable, type SourceMark, type SourceOrigin, changedSince, readOrigin, sourceMarkName, touchedSlices } from "./changed-rows.ts";
import { type SourceColumn, describeTable } from "./describe-table.ts";
import { isPrivateColumn, isRefusedTable } from "./odoo-privacy.ts";
import { loginTooStrong, strongLogin, type StrongLogin } from "./postgres-login.ts";
import { withSourceSession } from "./postgres-session.ts";
import { sourceError, sourcePlace, tableMissing } from "./source-error.ts";

export interface SourceTable {
  name: string;
  group?: string | undefined;
  /** Unique columns. */
  key: string[];
  /** Columns that are left out. */
  exclude?: string[];
  /** A table that the source does not have is reported as missing. */
  optional?: boolean;
}

/** A file of rows as CSV: no header, null is `\N`, text is quoted. */
export interface CsvFile {
  file: string;
  columns: SourceColumn[];
  rows: number;
  bytes: number;
  /** Bytes of the longest row, for the CSV reader. */
  longest_row: number;
}

export interface ReadTable {
  name: string;
  group: string | null;
  key: string[];
  /** True: optional, and not in the source. */
  missing: boolean;
  /** All rows, or those that changed. Null for a missing table. */
  content: CsvFile | null;
  /** The keys of all rows, where `content` holds only what changed: a key that is not here was deleted. */
  present: CsvFile | null;
  /** Of a table divided by its key, the slices that `content` and `present` are of: the others are as they landed. Null: all of them. */
  touched: number[] | null;
  /** Where the source stood; null where it cannot say. */
  mark: SourceMark | null;
  /** Columns that did not land: asked for, or private. */
  excluded: string[];
}

export interface SourceSnapshot {
  /** `pg_current_snapshot()`: what was visible. */
  snapshot: string;
  /** The source's clock, RFC 3339. */
  taken_at: string;
  /** No row written before this moment is missing: the start of the oldest transaction that was open. */
  horizon: string;
  /** False where this login may not see when other transactions began. */
  horizon_exact: boolean;
  server_version: string;
}

export interface ReadRequest {
  kind: "postgres" | "odoo";
  url: string;
  schema: string;
  tables: SourceTable[];
  /** The CSV files go here. */
  directory: string;
  signal: AbortSignal;
  statement_timeout_ms: number;
  /** Default 10 s. */
  connect_timeout_ms?: number;
  /** What of a table has landed, by the name of its mark; null to read it whole. Left out: all are read whole. */
  since?: (table: SourceTable, app_id: string) => LandedTable | null;
  log?: (message: string, facts: Record<string, unknown>) => void;
  /** Called while tables are read, with what was read since the last time. */
  onRead?: (rows: number, bytes: number) => void;
  /** Told, before anything is read, of a login that may do more than read what it was granted. */
  onStrongLogin?: (login: StrongLogin) => void;
  /** Called after each table. */
  onTable?: (table: ReadTable) => void;
}

/**
 * Copies tables out of a Postgres database into CSV files: one repeatable-read, read-only snapshot for all of them,
 * streamed. Throws CodedError `source_unreachable`, `source_auth_failed`, `source_table_missing`,
 * `source_table_refused`, `source_column_missing`, `source_permission_denied`, `source_timeout`, `storage_full` …
 */
export async function readTables(request: ReadRequest): Promise<{ snapshot: SourceSnapshot; tables: ReadTable[] }> {
  const place = sourcePlace(request.url);
  if (request.kind === "odoo") request.tables.forEach((table) => refuseSecretTable(request.schema, table.name));
  return withSourceSession({ ...request, place }, async (client) => {
    // What is called without a schema is PostgreSQL's own, whatever the source has in `public`.
    await client.query("select pg_catalog.set_config('search_path', 'pg_catalog', false)");
    const strong = await strongLogin(client, { replicates: true });
    if (strong !== null) request.onStrongLogin?.(strong);
    // Before the snapshot: whoever began earlier and is still open may commit rows that the snapshot does not see.
    const horizon = await readHorizon(client);
    const origin = request.since === undefined ? null : await readOrigin(client);
    await client.query("begin transaction isolation level repeatable read, read only");
    const { rows: [taken] } = await client.query<Pick<SourceSnapshot, "snapshot" | "server_version">>(
      "select pg_current_snapshot()::text as snapshot, current_setting('server_version') as server_version",
    );
    const [oldest, next] = taken!.snapshot.split(":").map(Number);
    const position: Position = { place, origin, strong, oldest: oldest!, next: next! };
    const tables: ReadTable[] = [];
    for (const table of request.tables) {
      request.signal.throwIfAborted();
      const read = await readTable(client, request, table, position);
      request.log?.("source table read", { table: read.name, rows: read.content?.rows, bytes: read.content?.bytes, missing: read.missing, changed_only: read.present !== null });
      request.onTable?.(read);
      tables.push(read);
    }
    await client.query("commit");
    return { snapshot: { ...taken!, ...horizon }, tables };
  });
}

/** Where the snapshot stands: the oldest open transaction, and the first number not given out yet. */
interface Position {
  place: string;
  origin: SourceOrigin | null;
  strong: StrongLogin | null;
  oldest: number;
  next: number;
}

async function readTable(client: pg.Client, request: ReadRequest, table: SourceTable, position: Position): Promise<ReadTable> {
  const place = `${request.schema}.${table.name}`;
  const described = await describeTable(client, request.schema, table.name);
  const empty = { name: table.name, group: table.group ?? null, key: table.key, content: null, present: null, touched: null, mark: null, excluded: [] };
  if (described === null) {
    if (table.optional) return { ...empty, missing: true };
    throw tableMissing(place);
  }
  // With such a login a view of anybody would run as it, and the catalogs hold passwords.
  if (position.strong !== null && (described.foreign_code || /^(pg_|information_schema$)/.test(request.schema))) throw loginTooStrong(position.strong, place, "may not read this, since it may do more than a source needs");
  const all = described.columns;
  const hidden = (column: string): boolean =>
    (table.exclude ?? []).includes(column) || (request.kind === "odoo" && isPrivateColumn(table.name, column));
  const columns = all.filter((column) => !hidden(column.name));
  const absent = table.key.find((key) => !columns.some((column) => column.name === key));
  if (absent !== undefined) throw keyMissing(`${place}.${absent}`, hidden(absent));
  const excluded = all.filter((column) => hidden(column.name)).map((column) => column.name);
  const mark = described.kind === "r" ? markOf(table, described.oid, columns, position) : null;
  const since = mark === null ? null : (request.since?.(table, mark.app_id) ?? null);
  const changed = since === null ? null : changedSince(since.version, position.next);
  const divided = since?.slices ?? null;
  const key = table.key.map((name) => columns.find((column) => column.name === name)!);
  const touched = changed === null || divided === null ? null : await touchedSlices(client, quotedPlace(place), quote(key[0]!.name), changed, divided);
  if (changed === null || (divided !== null && touched === null)) {
    return { ...empty, missing: false, content: await copyTable(client, request, place, columns, { name: `${table.name}.csv`, where: null }), mark, excluded };
  }
  const among = touched === null ? null : inSlices(quote(key[0]!.name), divided!.shift, touched);
  const content = await copyTable(client, request, place, columns, { name: `${table.name}.csv`, where: among === null ? changed : `${among} and ${changed}` });
  const present = await copyTable(client, request, place, key, { name: `${table.name}.keys.csv`, where: among });
  return { ...empty, missing: false, content, present, touched, mark, excluded };
}

function markOf(table: SourceTable, table_oid: string, columns: SourceColumn[], { place, origin, oldest }: Position): SourceMark | null {
  return origin === null ? null : { app_id: sourceMarkName({ place, origin, table_oid, key: table.key, columns }), version: oldest };
}

async function copyTable(client: pg.Client, request: ReadRequest, place: string, columns: SourceColumn[], { name, where }: { name: string; where: string | null }): Promise<CsvFile> {
  const file = join(request.directory, name);
  const list = columns.map((column) => quote(column.name)).join(", ");
  const texts = columns.filter((column) => column.duckdb_type === "VARCHAR").map((column) => quote(column.name));
  const force = texts.length === 0 ? "" : `, force_quote (${texts.join(", ")})`;
  const from = quotedPlace(place);
  const stream = client.query(copyTo(`copy (select ${list} from ${from}${where === null ? "" : ` where ${where}`}) to stdout (format csv, null '\\N'${force})`));
  const meter = csvMeter(request.onRead);
  try {
    await pipeline(stream, meter.stream, createWriteStream(file), { signal: request.signal });
  } catch (error) {
    request.signal.throwIfAborted();
    throw sourceError(storageFault(error, file), place);
  }
  return { file, columns, rows: stream.rowCount, ...meter.figures };
}

/** Counts bytes and finds the longest row; a newline inside quotes does not end one. */
function csvMeter(onRead: ReadRequest["onRead"]): { stream: Transform; figures: { bytes: number; longest_row: number } } {
  const figures = { bytes: 0, longest_row: 0 };
  let row = 0;
  let quoted = false;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      figures.bytes += chunk.length;
      let ended = 0;
      for (let i = 0; i < chunk.length; i += 1) {
        row += 1;
        const byte = chunk[i];
        if (byte === 0x22) quoted = !quoted;
        else if (byte === 0x0a && !quoted) {
          if (row > figures.longest_row) figures.longest_row = row;
          row = 0;
          ended += 1;
        }
      }
      onRead?.(ended, chunk.length);
      done(null, chunk);
    },
  });
  return { stream, figures };
}

async function readHorizon(client: pg.Client): Promise<Pick<SourceSnapshot, "taken_at" | "horizon" | "horizon_exact">> {
  const { rows: [row] } = await client.query<{ taken_at: string; horizon: string; horizon_exact: boolean }>(
    `with present as materialized (select clock_timestamp() as now),
     others as (
       select xact_start, query = '<insufficient privilege>' as hidden
         from pg_catalog.pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and coalesce(backend_type, 'client backend') = 'client backend'
       union all
       select prepared, false from pg_catalog.pg_prepared_xacts where database = current_database()
     ),
     oldest as (select min(xact_start) as began, coalesce(bool_or(hidden), false) as hidden from others)
     select to_char(now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as taken_at,
            to_char(least(began, now) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as horizon,
            not hidden as horizon_exact
       from present, oldest`,
  );
  return row!;
}

function refuseSecretTable(schema: string, table: string): void {
  if (!isRefusedTable(table)) return;
  throw new CodedError({
    code: "source_table_refused",
    message: "This table holds secrets and never lands",
    place: `${schema}.${table}`,
    remedy: "Remove it from the pipeline.",
  });
}

function keyMissing(place: string, hidden: boolean): CodedError {
  return new CodedError({
    code: "source_column_missing",
    message: hidden ? "A key column is excluded" : "The table has no such key column",
    place,
    remedy: "Give the table's unique columns as `key`.",
  });
}

function quotedPlace(place: string): string {
  return place.split(".").map(quote).join(".");
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
