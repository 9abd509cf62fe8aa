import { join } from "node:path";
import type pg from "pg";
import { inSlices } from "../engines/key-slices.ts";
import { type LandedTable, type SourceMark, type SourceOrigin, changedSince, readOrigin, sourceMarkName, touchedSlices } from "./changed-rows.ts";
import { allOf, companyCondition, companyIds } from "./company-rows.ts";
import { type CsvFile, copyTable, quote } from "./copy-table.ts";
import type { SourceColumn } from "./describe-table.ts";
import { type SourceTable, type TablePlan, planTable } from "./plan-table.ts";
import { strongLogin, type StrongLogin } from "./postgres-login.ts";
import { withSourceSession } from "./postgres-session.ts";
import { sourcePlace } from "./source-error.ts";
import { CodedError } from "../storage/coded-error.ts";

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
  /** Whether `content` holds the rows of a range: others may have changed since they landed. */
  ranged: boolean;
  /** Of a table divided by its key, the slices that `content` and `present` are of: the others are as they landed. Null: all of them. */
  touched: number[] | null;
  /** Where `content` holds changes as the log has them: columns of which some were not sent. */
  logged: { unsent: string[] } | null;
  /** Where the source stood; null where it cannot say. */
  mark: SourceMark | null;
  /** Columns that did not land: asked for, or private. */
  excluded: string[];
  /** Whether only rows of the companies that were asked for landed, and shared ones. */
  by_company: boolean;
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
  /** Names of the companies whose rows are read; left out: all rows are. */
  companies?: string[] | undefined;
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
 * `source_table_refused`, `source_column_missing`, `source_company_missing`, `source_permission_denied`, `source_timeout`, `storage_full` …
 */
export async function readTables(request: ReadRequest): Promise<{ snapshot: SourceSnapshot; tables: ReadTable[] }> {
  const place = sourcePlace(request.url);
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
    const company_ids = request.companies === undefined ? undefined : await companyIds(client, request.schema, request.companies);
    const position: Position = { place, origin, strong, oldest: oldest!, next: next! };
    const tables: ReadTable[] = [];
    for (const table of request.tables) {
      request.signal.throwIfAborted();
      const read = await readTable(client, { ...request, company_ids }, table, position);
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

/** A table of which nothing is read yet. */
export function emptyTable(table: SourceTable): ReadTable {
  return { name: table.name, group: table.group ?? null, key: table.key, missing: false, content: null, present: null, ranged: false, touched: null, logged: null, mark: null, excluded: [], by_company: false };
}

async function readTable(client: pg.Client, request: ReadRequest & { company_ids: number[] | undefined }, table: SourceTable, position: Position): Promise<ReadTable> {
  const plan = await planTable(client, request, table, position.strong);
  if (plan === null) return { ...emptyTable(table), missing: true };
  const { columns, excluded } = plan;
  const empty = { ...emptyTable(table), by_company: plan.company_rows !== null };
  const landing = companyCondition(plan.company_rows);
  const mark = plan.kind === "r" ? markOf(table, plan, position) : null;
  const since = mark === null ? null : (request.since?.(table, mark.app_id) ?? null);
  const range = rangeOf(client, request, table, plan.columns);
  if (range !== null) {
    const content = await copyTable(client, { ...request, table: table.name, columns, file: join(request.directory, `${table.name}.csv`), where: allOf(range, landing) });
    const present = await copyTable(client, { ...request, table: table.name, columns: table.key.map((name) => columns.find((column) => column.name === name)!), file: join(request.directory, `${table.name}.keys.csv`), where: landing });
    // What lies outside the range is as it was, so it is from where it was that the next landing goes on.
    return { ...empty, content, present, ranged: true, mark: since === null ? null : { app_id: mark!.app_id, version: since.version }, excluded };
  }
  const changed = since === null ? null : changedSince(since.version, position.next);
  const divided = since?.slices ?? null;
  const key = table.key.map((name) => columns.find((column) => column.name === name)!);
  const from = `${quote(request.schema)}.${quote(table.name)}${landing === null ? "" : ` where ${landing}`}`;
  const touched = changed === null || divided === null ? null : await touchedSlices(client, from, quote(key[0]!.name), changed, divided);
  const copy = (of: SourceColumn[], name: string, where: string | null) => copyTable(client, { ...request, table: table.name, columns: of, file: join(request.directory, name), where });
  if (changed === null || (divided !== null && touched === null)) return { ...empty, content: await copy(columns, `${table.name}.csv`, landing), mark, excluded };
  const among = touched === null ? null : inSlices(quote(key[0]!.name), divided!.shift, touched);
  const content = await copy(columns, `${table.name}.csv`, allOf(among, changed, landing));
  const present = await copy(key, `${table.name}.keys.csv`, allOf(among, landing));
  return { ...empty, content, present, touched, mark, excluded };
}

/** The condition for the rows of the range; null where none is asked for. The bounds are of the column's type. */
function rangeOf(client: pg.Client, { schema }: ReadRequest, { name, range }: SourceTable, columns: SourceColumn[]): string | null {
  if (range === undefined || (range.from === "" && range.to === "")) return null;
  const column = columns.find((each) => each.name === range.column && !each.masked);
  if (column === undefined) throw new CodedError({ code: "source_column_missing", message: "The range is of a column that does not land", place: `${schema}.${name}.${range.column}`, remedy: "Name a column of the table that is neither excluded nor masked." });
  const bound = (operator: string, value: string): string[] => (value === "" ? [] : [`${quote(range.column)} ${operator} ${client.escapeLiteral(value)}`]);
  return [...bound(">=", range.from), ...bound("<", range.to)].join(" and ");
}

function markOf(table: SourceTable, { oid: table_oid, columns, company_rows }: TablePlan, { place, origin, oldest }: Position): SourceMark | null {
  return origin === null ? null : { app_id: sourceMarkName({ place, origin, table_oid, key: table.key, columns, ...(company_rows === null ? {} : { companies: company_rows.ids }) }), version: oldest };
}

export async function readHorizon(client: pg.Client): Promise<Pick<SourceSnapshot, "taken_at" | "horizon" | "horizon_exact">> {
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
