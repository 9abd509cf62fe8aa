import { rm } from "node:fs/promises";
import { join } from "node:path";
import { csvDialect, landingNames, rejectedOf, type FileIngestConfig, type FileTable } from "../../contracts/pipeline-files.ts";
import { sha256OfJson } from "../core/hash.ts";
import type { ConnectionOf } from "../core/open-connection.ts";
import type { PhaseContext, PhaseResult, StagedFile } from "../core/phase.ts";
import type { CopyResult, CopyStep, QueryResult, QueryStep } from "../engines/duckdb-job.ts";
import { identifier, literal, sameKey, tableName } from "../engines/duckdb-sql.ts";
import { SOURCE_MARK } from "../lake/delta-log.ts";
import type { SourceMark } from "../sources/changed-rows.ts";
import { csvFacts } from "../sources/files/csv-facts.ts";
import { fetchFile, type FetchedFile } from "../sources/files/fetch-file.ts";
import { fetchPages } from "../sources/files/fetch-pages.ts";
import { declaredColumns, inferSql, landedParquet, rowsOf, type FileRows, type LandedColumn } from "../sources/files/file-rows.ts";
import { filledPath } from "../sources/files/fill-path.ts";
import { offerBucket } from "../sources/files/offer-bucket.ts";
import { offerFolder } from "../sources/files/offer-folder.ts";
import { offerHttp } from "../sources/files/offer-http.ts";
import type { OfferedFile } from "../sources/files/offered-file.ts";
import { inferJson, recordsToCsv } from "../sources/files/records-to-csv.ts";
import { firstRejects, rejectedStep, rejectError } from "../sources/files/rejected-rows.ts";
import { tableMissing } from "../sources/source-error.ts";
import { CodedError } from "../storage/coded-error.ts";
import { mapConcurrently } from "./concurrently.ts";
import { runEngine } from "./engine.ts";
import { type LandJob, land, landedResult, secondsSince } from "./landing.ts";
import { type MergeBase, NO_VERSION, before, changesOf, keptByMerge, mergeBases, refuseRetyped } from "./merge-steps.ts";
import { landedTables } from "./source-marks.ts";
import { FILES_AT_ONCE, LANDING_COLUMNS } from "./staging.ts";

/** Files that one table is made of: each is a part of its query. */
const MOST_FILES = 2000;
type FileConnection = ConnectionOf<FileIngestConfig["source"]>;

/** A table whose files are here. */
interface FetchedTable {
  table: FileTable;
  dataset: string;
  files: FetchedFile[];
  mark: SourceMark;
}
interface ReadyTable extends FetchedTable {
  rows: FileRows[];
  columns: LandedColumn[];
}

/**
 * Lands files as tables: fetched in constant memory, typed as declared or as all their values allow, in key order. Files that are the
 * same as those that the registered version was made of are not landed again. Rows that do not fit fail the phase or go to a table of
 * their own.
 */
export async function landFiles(context: PhaseContext<"ingest">, config: FileIngestConfig): Promise<PhaseResult> {
  const started = performance.now();
  const connection = await context.connection(config.connection, [config.source]);
  const datasets = config.tables.map(({ name }) => `${config.target}.${name}`);
  // An item of a for_each is a part of a table: what the whole was made of says nothing of it.
  const marks = context.run.parent_run_id === null ? await landedTables(context, datasets) : null;
  const fetched: FetchedTable[] = [];
  const missing: string[] = [];
  const unchanged: string[] = [];
  for (const table of config.tables) {
    const dataset = `${config.target}.${table.name}`;
    const got = await fetchTable(context, { ...table, path: filledPath(table.path, context.parameters, config.source) }, { dataset, connection, place: config.connection, marks: marks?.get(dataset)?.marks ?? {} });
    if (got === "missing") missing.push(table.name);
    else if (got === "unchanged") unchanged.push(dataset);
    else fetched.push(got);
  }
  const read_seconds = secondsSince(started);
  const files = fetched.reduce((sum, table) => sum + table.files.length, 0);
  context.progress(`Read ${files} files of ${config.connection} for ${fetched.length} tables${unchanged.length > 0 ? `; ${unchanged.length} have not changed since they landed` : ""}.`, { files, tables: fetched.length, unchanged, missing });
  const ready = await typed(context, await mapConcurrently(fetched, 1, (table) => prepared(context, table)));

  const merging = ready.filter(({ table }) => table.mode === "merge").map(({ dataset }) => dataset);
  const versions = await context.pinDatasets(merging);
  const bases = await mergeBases(context, versions);
  for (const { dataset, columns } of ready) {
    const view = bases.get(dataset)?.view;
    if (view !== undefined) refuseRetyped({ ...view, columns: (view.columns ?? []).filter(({ name }) => columns.some((column) => column.name === name)) }, { name: dataset, columns });
  }
  const rejected: Record<string, number> = {};
  const { staged, facts, metrics } = ready.length === 0 ? { staged: [], facts: {}, metrics: {} } : await land(context, landJob(context, ready, bases, rejected));
  const bad = Object.entries(rejected).filter(([, rows]) => rows > 0);
  if (bad.length > 0) context.progress(`Rows did not fit their columns and went to tables of their own: ${bad.map(([name, rows]) => `${rows} to ${rejectedOf(name)}`).join(", ")}.`, { warning: "rows_rejected", rejected: Object.fromEntries(bad) });
  const merged = Object.fromEntries(merging.map((name) => [name, versions.get(name)?.table_version ?? NO_VERSION]));
  const made_of = merging.length > 0 ? { merged } : {};
  await context.pinSource(context.phase.name, {
    connection: config.connection, kind: config.source, missing, excluded: {}, unchanged, ...made_of,
    files: Object.fromEntries(ready.map(({ dataset, files }) => [dataset, { count: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0), sha256: sha256OfJson(files.map(({ name, sha256 }) => [name, sha256])), first: files.slice(0, 20).map(({ name, sha256 }) => ({ name, sha256 })) }])),
    tables: staged.map(({ name, files, key }) => ({ name, files: files.map(({ path, sha256 }) => ({ path, sha256 })), key, mark: ready.find(({ dataset }) => dataset === name)?.mark ?? null })),
  });
  return landedResult(staged, { missing, excluded: {}, ...made_of, ...facts }, { files, unchanged: unchanged.length, rejected: bad.reduce((sum, [, rows]) => sum + rows, 0), read_seconds, seconds: secondsSince(started), ...metrics });
}

interface FetchPlace { dataset: string; connection: FileConnection; place: string; marks: Record<string, number> }

async function fetchTable(context: PhaseContext<"ingest">, table: FileTable, { dataset, connection, place, marks }: FetchPlace): Promise<FetchedTable | "missing" | "unchanged"> {
  const read = { bytes: 0 };
  const onRead = (bytes: number): void => context.used({ bytes: read.bytes += bytes });
  const to = (index: number): string => join(context.scratch, `${dataset}.${index}.source`);
  const nothing = (): "missing" => {
    if (table.optional) return "missing";
    throw tableMissing(`${place}: ${table.path}`);
  };
  const markOf = (files: { name: string; identity: string | null }[]): SourceMark | null =>
    files.some(({ identity }) => identity === null) ? null : { app_id: `${SOURCE_MARK}${sha256OfJson({ place: placeOf(connection), table, files: files.map(({ name, identity }) => [name, identity]) }).slice(0, 32)}`, version: 0 };
  const landedAlready = (mark: SourceMark | null): boolean => mark !== null && marks[mark.app_id] === mark.version;

  let files: FetchedFile[];
  if (table.pages !== undefined) {
    if (connection.kind !== "http") throw new Error("only source http has pages");
    const paged = await fetchPages({ ...connection, allow: context.outbound_allow, signal: context.signal }, { ...table, pages: table.pages }, to(0), onRead);
    if (paged === null) return nothing();
    files = [paged];
  } else {
    const offered = await offer(context, connection, table.path, place);
    try {
      if (offered.length === 0) return nothing();
      if (offered.length > MOST_FILES) throw new CodedError({ code: "source_failed", message: `${offered.length} files fit the path; a table is made of ${MOST_FILES} at most`, place: table.path, remedy: "Narrow the path, for example to a month, and merge." });
      if (landedAlready(markOf(offered))) return "unchanged";
      const encoding = table.format === "parquet" ? "bytes" : (table.csv?.encoding ?? "utf-8");
      files = await mapConcurrently(offered, FILES_AT_ONCE, (file, index) => fetchFile(file, { to: to(index), encoding, signal: context.signal, onRead }));
    } finally {
      for (const file of offered) file.release();
    }
  }
  const mark = markOf(files)!;
  if (!landedAlready(mark)) return { table, dataset, files, mark };
  await Promise.all(files.map(({ file }) => rm(file, { force: true })));
  return "unchanged";
}

function offer({ outbound_allow: allow, signal }: PhaseContext<"ingest">, connection: FileConnection, path: string, place: string): Promise<OfferedFile[]> {
  switch (connection.kind) {
    case "file": return offerFolder(connection.folder, path);
    case "http": return offerHttp({ ...connection, allow, signal }, path);
    case "s3": return offerBucket(connection.settings, path, { place, allow, signal });
  }
}

/** Where a connection leads; no secret. */
function placeOf(connection: FileConnection): string {
  switch (connection.kind) {
    case "file": return connection.folder;
    case "http": return connection.url;
    case "s3": return `${connection.settings.endpoint} ${connection.settings.bucket} ${connection.settings.prefix}`;
  }
}

/** Makes rows that the engine reads of what was fetched, with the columns that are known without reading them. */
async function prepared(context: PhaseContext<"ingest">, fetched: FetchedTable): Promise<Omit<ReadyTable, "columns"> & { columns: LandedColumn[] | null }> {
  const { table, files } = fetched;
  const dialect = csvDialect.parse(table.csv ?? {});
  const columns = table.columns === undefined ? null : declaredColumns(table.columns);
  const base = { format: "csv" as const, longest_row: 0, one_thread: true, dialect, numbered: false };
  if (table.format === "parquet") return { ...fetched, columns, rows: files.map(({ name, file }) => ({ ...base, name, file, format: "parquet", columns: [] })) };
  if (table.format === "csv") {
    const rows = await mapConcurrently(files, FILES_AT_ONCE, async ({ name, file }): Promise<FileRows[]> => {
      const { first, longest_row, quoted_line_ends } = await csvFacts(file, name, dialect);
      if (first === null) return [];
      const names = dialect.header ? first : columns!.map(({ from }) => from);
      if (dialect.header) refuseHeader(names, columns, name);
      return [{ ...base, name, file, columns: names, longest_row, one_thread: quoted_line_ends || table.key === undefined }];
    });
    return { ...fetched, columns, rows: rows.flat() };
  }
  const found = columns ?? (await inferJson(files, table.pages === undefined ? table.records : undefined, context.signal)).map(({ name, type }) => ({ name, type, from: name }));
  const names = [...new Set(found.map(({ from }) => from))];
  const rows = await mapConcurrently(files, FILES_AT_ONCE, async (file): Promise<FileRows> => {
    const csv = `${file.file}.csv`;
    const longest_row = await recordsToCsv(file, table.pages === undefined ? table.records : undefined, names, csv, context.signal);
    await rm(file.file, { force: true });
    return { ...base, name: file.name, file: csv, columns: names, longest_row, numbered: true };
  });
  return { ...fetched, columns: found, rows };
}

function refuseHeader(names: string[], columns: LandedColumn[] | null, file: string): void {
  const absent = columns?.find(({ from }) => !names.includes(from));
  if (absent !== undefined) throw new CodedError({ code: "source_column_missing", message: `The header has no column ${JSON.stringify(absent.from)}`, place: `${file}, line 1`, remedy: "Correct the file, or the column's `from`; a file without a header needs csv.header: false." });
  const twice = names.find((name, at) => names.indexOf(name) !== at && (columns === null || columns.some(({ from }) => from === name)));
  if (twice !== undefined) throw new CodedError({ code: "source_column_missing", message: `The header names ${JSON.stringify(twice)} twice`, place: `${file}, line 1`, remedy: "Give every column a name of its own." });
}

/** Finds the types of columns that the spec does not list: of all rows, so that no other sample says otherwise. */
async function typed(context: PhaseContext<"ingest">, tables: Awaited<ReturnType<typeof prepared>>[]): Promise<ReadyTable[]> {
  const asked = tables.filter(({ columns, rows }) => (columns === null || rows.some(({ format }) => format === "parquet")) && rows.length > 0);
  const names = new Map(asked.map((table) => [table, [...new Set(table.rows.flatMap(({ columns }) => columns))]]));
  const steps = asked.map((table): QueryStep => {
    const sql = table.table.format === "parquet" ? `select column_name, column_type from (describe select * from read_parquet([${table.rows.map(({ file }) => literal(file)).join(", ")}], union_by_name = true))` : inferSql(table.rows, names.get(table)!);
    return { kind: "query", name: table.dataset, sql, max_rows: 10_000 };
  });
  const results = steps.length === 0 ? [] : (await runEngine(context, { views: [], steps, read_files: asked.flatMap(({ rows }) => rows.map(({ file }) => file)) })).results;
  return tables.map((table): ReadyTable => {
    const at = asked.indexOf(table);
    const { rows } = at < 0 ? { rows: [] } : (results[at] as QueryResult);
    const parquet = table.table.format === "parquet";
    const found = parquet
      ? rows.map((row) => ({ from: String(row["column_name"]), type: landedParquet(String(row["column_type"])) }))
      : (names.get(table) ?? []).map((from, index) => ({ from, type: String(rows[0]?.[`v${index}`]) }));
    const columns = table.columns ?? found.map(({ from, type }) => ({ name: from, from, type }));
    if (parquet) refuseHeader(found.map(({ from }) => from), columns, table.table.path);
    checkNames(table, columns);
    return { ...table, columns, rows: parquet ? table.rows.map((file) => ({ ...file, columns: found.map(({ from }) => from) })) : table.rows };
  });
}

function checkNames({ table, dataset }: FetchedTable, columns: LandedColumn[]): void {
  const wrong = (message: string, remedy: string): CodedError => new CodedError({ code: "source_column_missing", message, place: `${table.path} → ${dataset}`, remedy });
  if (columns.length === 0) throw wrong("The files hold nothing that says which columns there are", "List the columns, or mark the table optional: true and remove the empty files.");
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name)) throw wrong(`${JSON.stringify(name.slice(0, 100))} cannot be a column's name`, "List the columns, this one with a name of its own and `from`.");
    if (landingNames.includes(name.toLowerCase()) || seen.has(name.toLowerCase())) throw wrong(`The column ${name} is there twice, or landing adds one of that name`, "List the columns, this one with another name and `from`.");
    seen.add(name.toLowerCase());
  }
  const key = table.key?.find((each) => !columns.some(({ name }) => name === each));
  if (key !== undefined) throw wrong(`The files have no key column ${key}`, "Give the table's unique columns as `key`, or leave it out.");
}

/** Of tables with a base the rows are merged into what has landed: of a divided one into the slices that they touch. */
function landJob(context: PhaseContext<"ingest">, ready: ReadyTable[], bases: Map<string, MergeBase>, rejected: Record<string, number>): LandJob {
  const staging = new Set<string>();
  const steps = ready.flatMap((table, index) => stepsOf(context, table, index, bases.get(table.dataset) ?? null, staging));
  const present = [...bases.values()].filter((base) => base !== null);
  const kept = (written: CopyResult): StagedFile[] | null => {
    const base = bases.get(written.name);
    return base == null ? [] : keptByMerge({ ...base, view: { ...base.view, columns: withoutLanding(base.view.columns ?? []) } }, written);
  };
  return {
    steps, stages: ({ to }) => staging.has(to), kept: (written) => kept(written)!,
    read_files: [...ready.flatMap(({ rows }) => rows), ...present.flatMap(({ files }) => files)].map(({ file }) => file),
    views: present.filter(({ sliced }) => sliced === null).map(({ view }) => ({ ...view, name: before(view.name) })),
    check: async (results) => {
      for (const [index, step] of steps.entries()) {
        const table = ready.find(({ dataset }) => step.name === dataset || step.name === rejectsOf(dataset) || step.name === rejectedOf(dataset));
        const result = results[index]!;
        if (table === undefined) continue;
        if (result.kind === "query") {
          const wrong = await rejectError(result, table.rows, table.columns);
          if (wrong !== null) throw wrong;
        } else if (step.name === rejectedOf(table.dataset)) rejected[table.dataset] = result.rows;
      }
      const divideAnew = results.filter((result): result is CopyResult => result.kind === "copy" && kept(result) === null).map(({ name }) => name);
      return divideAnew.length === 0 ? null : landJob(context, ready, new Map([...bases].map(([name, base]) => [name, divideAnew.includes(name) ? { ...base!, sliced: null, files: [] } : base])), rejected);
    },
  };
}

function withoutLanding<T extends { name: string }>(columns: T[]): T[] {
  return columns.filter(({ name }) => !LANDING_COLUMNS.some((column) => column.name === name));
}

/** The engine's table of rows that did not fit. */
function rejectsOf(dataset: string): string {
  return `${dataset.replace(".", "_")}_rejects`;
}

function stepsOf(context: PhaseContext<"ingest">, { table, dataset, rows, columns }: ReadyTable, index: number, base: MergeBase, staging: Set<string>): (CopyStep | QueryStep)[] {
  const to = join(context.scratch, `${index}.parquet`);
  const rejects = table.format === "parquet" || rows.length === 0 ? null : rejectsOf(dataset);
  const key = table.key ?? ["_file", "_row"];
  const sql = rowsOf(rows, columns, { with_place: table.key === undefined, rejects, last_of: table.pages !== undefined && table.key !== undefined ? table.key : null });
  const slices = { by: key[0]!, shift: base?.sliced?.shift ?? null };
  const changes = changesOf(dataset);
  const merges_into = base?.sliced == null ? {} : { merges_into: { view: before(dataset), changes, columns: withoutLanding(base.view.columns ?? []), files: base.files } };
  // Only where the table is seen whole, it is seen with the columns that landing adds.
  const landed = base?.sliced == null ? `* exclude (${LANDING_COLUMNS.map(({ name }) => identifier(name)).join(", ")})` : "*";
  const copies: CopyStep[] = base === null ? [{ kind: "copy", name: dataset, sql, key, to, slices }] : [
    { kind: "copy", name: changes, sql, key, to: `${to}.changes`, define_view: true },
    {
      kind: "copy", name: dataset, key, to, slices, ...merges_into,
      sql: `select ${landed} from ${tableName(before(dataset))} landed where not exists (select 1 from ${tableName(changes)} changed where ${sameKey("landed", "changed", key)}) union all by name select * from ${tableName(changes)}`,
    },
  ];
  staging.add(to);
  if (rejects === null) return copies;
  if (table.bad_rows === "fail") return [...copies, firstRejects(rejects)];
  staging.add(`${to}.rejected`);
  return [...copies, rejectedStep(rejectedOf(dataset), rejects, rows, columns, `${to}.rejected`)];
}
