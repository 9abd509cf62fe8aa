import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { CodedError } from "../storage/coded-error.ts";
import { storageFault } from "../storage/file-storage.ts";
import { isPrivateColumn, isRefusedTable } from "./odoo-privacy.ts";
import { withSourceSession } from "./postgres-session.ts";
import { landedType } from "./postgres-types.ts";
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

export interface SourceColumn {
  name: string;
  pg_type: string;
  duckdb_type: string;
}

export interface ReadTable {
  name: string;
  group: string | null;
  key: string[];
  /** True: optional, and not in the source. */
  missing: boolean;
  /** CSV: no header, null is `\N`, text is quoted. Null for a missing table. */
  file: string | null;
  columns: SourceColumn[];
  /** Columns that did not land: asked for, or private. */
  excluded: string[];
  rows: number;
  bytes: number;
  /** Bytes of the longest row, for the CSV reader. */
  longest_row: number;
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
  log?: (message: string, facts: Record<string, unknown>) => void;
  /** Called while tables are read, with what was read since the last time. */
  onRead?: (rows: number, bytes: number) => void;
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
    // Before the snapshot: whoever began earlier and is still open may commit rows that the snapshot does not see.
    const horizon = await readHorizon(client);
    await client.query("begin transaction isolation level repeatable read, read only");
    const { rows: [taken] } = await client.query<Pick<SourceSnapshot, "snapshot" | "server_version">>(
      "select pg_current_snapshot()::text as snapshot, current_setting('server_version') as server_version",
    );
    const tables: ReadTable[] = [];
    for (const table of request.tables) {
      request.signal.throwIfAborted();
      const read = await readTable(client, request, table);
      request.log?.("source table read", { table: read.name, rows: read.rows, bytes: read.bytes, missing: read.missing });
      request.onTable?.(read);
      tables.push(read);
    }
    await client.query("commit");
    return { snapshot: { ...taken!, ...horizon }, tables };
  });
}

async function readTable(client: pg.Client, request: ReadRequest, table: SourceTable): Promise<ReadTable> {
  const place = `${request.schema}.${table.name}`;
  const all = await describeTable(client, request.schema, table.name);
  const empty = { name: table.name, group: table.group ?? null, key: table.key, file: null, columns: [], excluded: [], rows: 0, bytes: 0, longest_row: 0 };
  if (all === null) {
    if (table.optional) return { ...empty, missing: true };
    throw tableMissing(place);
  }
  const hidden = (column: string): boolean =>
    (table.exclude ?? []).includes(column) || (request.kind === "odoo" && isPrivateColumn(table.name, column));
  const columns = all.filter((column) => !hidden(column.name));
  const absent = table.key.find((key) => !columns.some((column) => column.name === key));
  if (absent !== undefined) throw keyMissing(`${place}.${absent}`, hidden(absent));
  const file = join(request.directory, `${table.name}.csv`);
  const counted = await copyTable(client, request, place, columns, file);
  return { ...empty, missing: false, file, columns, excluded: all.filter((column) => hidden(column.name)).map((column) => column.name), ...counted };
}

async function copyTable(client: pg.Client, request: ReadRequest, place: string, columns: SourceColumn[], file: string): Promise<{ rows: number; bytes: number; longest_row: number }> {
  const list = columns.map((column) => quote(column.name)).join(", ");
  const texts = columns.filter((column) => column.duckdb_type === "VARCHAR").map((column) => quote(column.name));
  const force = texts.length === 0 ? "" : `, force_quote (${texts.join(", ")})`;
  const from = place.split(".").map(quote).join(".");
  const stream = client.query(copyTo(`copy (select ${list} from ${from}) to stdout (format csv, null '\\N'${force})`));
  const meter = csvMeter(request.onRead);
  try {
    await pipeline(stream, meter.stream, createWriteStream(file), { signal: request.signal });
  } catch (error) {
    request.signal.throwIfAborted();
    throw sourceError(storageFault(error, file), place);
  }
  return { rows: stream.rowCount, ...meter.figures };
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

async function describeTable(client: pg.Client, schema: string, table: string): Promise<SourceColumn[] | null> {
  const { rows } = await client.query<{ name: string; type: string; typmod: number }>(
    `select a.attname as name, coalesce(base.typname, t.typname)::text as type,
            case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as typmod
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       join pg_catalog.pg_type t on t.oid = a.atttypid
       left join pg_catalog.pg_type base on t.typtype = 'd' and base.oid = t.typbasetype
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')
      order by a.attnum`,
    [schema, table],
  );
  if (rows.length === 0) return null;
  return rows.map(({ name, type, typmod }) => {
    // numeric(p,s): ((p << 16) | (s & 0x7ff)) + 4, the scale being signed.
    const given = type === "numeric" && typmod >= 4;
    const precision = given ? ((typmod - 4) >> 16) & 0xffff : null;
    const scale = given ? ((((typmod - 4) & 0x7ff) ^ 1024) - 1024) : null;
    return { name, pg_type: type, duckdb_type: landedType({ name, type, precision, scale }) };
  });
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

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
