/**
 * The sandboxed DuckDB child: one job per life. The job comes as the first line on stdin, a later line
 * `{"interrupt":true}` stops the running statement, answers go as JSON lines to fd 3. When stdin ends the parent is
 * gone, and so is the child.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { type DuckDBConnection, DuckDBInstance, StatementType } from "@duckdb/node-api";
import type { CopyResult, CopyStep, EngineJob, EngineMessage, EngineStep, EngineView, QueryResult, QueryStep, SlicedView, Slices, ViewFiles, WrittenFile } from "./duckdb-job.ts";
import { dividesTables, sliceOf } from "./key-slices.ts";
import { sliceRecipe } from "./slice-recipe.ts";
import { sqlLineage } from "./sql-lineage.ts";
import { copyStatements, copyTo, identifier, literal, partitionRows, sandboxStatements, sessionStatements, tableName, viewStatement } from "./duckdb-sql.ts";
import { refuseDuplicates, StepFailure, writeFile } from "./write-file.ts";
import { type Crew, writeSliceBySlice, writeSlices } from "./write-slices.ts";

/** Files of one table in one commit, each scanned for and hashed: more is a mistake in the choice of columns. */
const MOST_PARTITIONS = 500;
/** Slices that are written at once: more do not pay, each has its sort and its row group in memory. */
const MOST_WORKERS = 4;
const ROWS = "step_rows";

function send(message: EngineMessage): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let done = 0; done < line.byteLength; ) {
    try {
      done += writeSync(3, line, done);
    } catch (error) {
      // A full pipe: the parent is still reading.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const job = JSON.parse((await lines.next()).value as string) as EngineJob;
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
const crew: Crew = [connection];
/** What SQL sees of tables, by name in lower case. */
const views = new Map<string, EngineView>();
let engine_version = "";
void watchParent();

let stepName: string | null = null;
try {
  while (crew.length < Math.min(job.settings.threads, MOST_WORKERS)) crew.push(await instance.connect());
  // Of each connection, and before the configuration is locked.
  for (const worker of crew) for (const statement of sessionStatements()) await worker.run(statement);
  for (const statement of sandboxStatements(job.settings)) await connection.run(statement);
  for (const worker of crew) {
    for (const [name, value] of Object.entries(job.variables)) {
      await worker.run(`set variable ${identifier(name)} = ${value === null ? "null::varchar" : literal(value)}`);
    }
  }
  for (const { name } of [...job.views, ...job.steps]) {
    const [schema, table] = name.split(".");
    if (schema !== undefined && table !== undefined) await connection.run(`create schema if not exists ${identifier(schema)}`);
  }
  const version = await connection.runAndReadAll("select version() as version");
  engine_version = String(version.getRowObjectsJson()[0]?.["version"]);
  send({ event: "ready", engine_version });
  for (const view of job.views) {
    stepName = view.name;
    await define(view);
  }
  for (const [index, step] of job.steps.entries()) {
    stepName = step.name;
    send({ event: "step_started", index, name: step.name });
    send({ event: "step", index, result: await runStep(connection, step) });
  }
  const used = process.resourceUsage();
  const cpu_seconds = Math.round((used.userCPUTime + used.systemCPUTime) / 1000) / 1000;
  send({ event: "finished", peak_memory_bytes: used.maxRSS * 1024, cpu_seconds });
  process.exit(0);
} catch (error) {
  send({ event: "failed", ...describe(error), name: stepName });
  process.exit(1);
}

async function watchParent(): Promise<void> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) process.exit(3);
    if ((JSON.parse(value) as { interrupt?: boolean }).interrupt) {
      // Repeated, because an interrupt between two statements is lost.
      setInterval(() => crew.forEach((worker) => worker.interrupt()), 50);
    }
  }
}

async function runStep(db: DuckDBConnection, step: EngineStep): Promise<CopyResult | QueryResult> {
  const touched = step.kind === "copy" && step.merges_into !== undefined ? await viewTouched(db, step.merges_into, step.slices!) : null;
  await refuseAllButOneSelect(db, step.sql);
  return step.kind === "copy" ? runCopy(db, step, touched) : runQuery(db, step);
}

/** Also finds errors of syntax and of names, with line numbers that are the author's own. */
async function refuseAllButOneSelect(db: DuckDBConnection, sql: string): Promise<void> {
  const statements = await db.extractStatements(sql);
  if (statements.count !== 1) throw new StepFailure("sql_error", `expected one SELECT, found ${statements.count} statements`);
  const statement = await statements.prepare(0);
  try {
    if (statement.statementType !== StatementType.SELECT) throw new StepFailure("sql_error", "only a SELECT is allowed here");
  } finally {
    statement.destroySync();
  }
}

async function runCopy(db: DuckDBConnection, step: CopyStep, touched: number[] | null): Promise<CopyResult> {
  const started = performance.now();
  const statements = copyStatements(step, ROWS);
  await db.run(statements.view);
  // Of the rows, not of the file: Parquet has no HUGEINT and would show it as the DOUBLE that it became.
  const described = await db.runAndReadAll(`describe select * from ${identifier(ROWS)}`);
  const columns = described.getRowObjectsJson().map((row) => ({ name: String(row["column_name"]), type: String(row["column_type"]) }));
  const lineage = step.lineage === true ? { lineage: await lineageOf(db, step.sql, columns) } : {};
  const written = await writeTable(db, step, statements, columns);
  const slices = "files" in written ? { ...written, touched: touched ?? written.touched } : null;
  const file = "files" in written ? null : written;
  const parts = step.partition_by === undefined ? {} : { parts: await writeParts(db, step.to, columns, step.partition_by) };
  if (step.define_view) await define({ name: step.name, parts: [shownFiles(step, slices)] });
  const rows = (slices?.files ?? [file!]).reduce((sum, each) => sum + each.rows, 0);
  const bytes = (slices?.files ?? [file!]).reduce((sum, each) => sum + each.bytes, 0);
  return { kind: "copy", name: step.name, file, rows, bytes, columns, ...lineage, ...parts, ...(slices === null ? {} : { slices }), seconds: (performance.now() - started) / 1000 };
}

async function writeTable(db: DuckDBConnection, step: CopyStep, { view, copy }: ReturnType<typeof copyStatements>, columns: CopyResult["columns"]): Promise<Slices | WrittenFile> {
  const { slices, key } = step;
  if (slices !== undefined && dividesTables(columns.find(({ name }) => name === slices.by)?.type)) {
    const recipe = slices.before === undefined ? null : await sliceRecipe(db, step, columns, { views, variables: job.variables, engine_version });
    return (recipe === null ? null : await writeSliceBySlice(crew, { ...step, slices }, columns, { name: ROWS, view }, recipe)) ?? (await writeSlices(crew, { ...step, slices }, columns, ROWS, recipe));
  }
  const written = await writeFile(db, copy, step.to, columns);
  await refuseDuplicates(db, step.to, key, step.partition_by === undefined);
  return written;
}

/** The files of a table after a step: what it wrote, and what it left as it was. */
function shownFiles({ to, merges_into, slices: asked }: CopyStep, slices: Slices | null): ViewFiles {
  if (slices === null) return { files: [to] };
  const untouched = <T extends { number: number }>(all: T[]): T[] => (slices.touched === null ? [] : all.filter(({ number }) => !slices.touched!.includes(number)));
  if (merges_into !== undefined) return { files: [...untouched(merges_into.files), ...slices.files].map(({ file }) => file) };
  const before = typeof asked?.before === "object" ? (asked.before?.slices ?? []) : [];
  const files = [...untouched(before), ...slices.files].toSorted((a, b) => a.number - b.number);
  return { files: files.map(({ file }) => file!), slices: files.map(({ number, sha256 }) => ({ shift: slices.shift, number, sha256 })) };
}

async function define(view: EngineView): Promise<void> {
  await connection.run(viewStatement(view));
  views.set(view.name.toLowerCase(), view);
}

/** Makes the view of what a merge reads; answers the numbers of the slices that it touches. */
async function viewTouched(db: DuckDBConnection, { view, changes, columns, files }: SlicedView, { by, shift }: NonNullable<CopyStep["slices"]>): Promise<number[]> {
  const found = await db.runAndReadAll(`select distinct ${sliceOf(identifier(by), shift!)}::varchar as number from ${tableName(changes)} order by all`);
  const touched = found.getRowObjectsJson().map((row) => Number(row["number"]));
  await define({ name: view, columns, parts: [{ files: files.filter(({ number }) => touched.includes(number)).map(({ file }) => file) }] });
  return touched;
}

/** What the step's SQL reads, by the engine's own parse of it. */
async function lineageOf(db: DuckDBConnection, sql: string, columns: CopyResult["columns"]): Promise<NonNullable<CopyResult["lineage"]> | null> {
  const tree = (await db.runAndReadAll(`select json_serialize_sql(${literal(sql)}) as tree`)).getRowObjectsJson()[0]?.["tree"];
  const seen = (await db.runAndReadAll("select lower(schema_name || '.' || table_name) as name, list(column_name order by column_index) as columns from duckdb_columns() where not internal group by 1")).getRowObjectsJson();
  return sqlLineage(JSON.parse(String(tree)), new Map(seen.map((row) => [String(row["name"]), row["columns"] as string[]])), columns.map(({ name }) => name));
}

async function writeParts(db: DuckDBConnection, file: string, columns: CopyResult["columns"], by: string[]): Promise<NonNullable<CopyResult["parts"]>> {
  const kept = columns.filter((column) => !by.includes(column.name));
  if (kept.length === 0) throw new StepFailure("lake_unsupported", `every column is in partition_by (${by.join(", ")}): none would be left for the files`);
  const names = by.map(identifier);
  const distinct = `select ${names.map((name) => `${name}::varchar as ${name}`).join(", ")} from (select distinct ${names.join(", ")} from read_parquet(${literal(file)}) order by all) limit ${MOST_PARTITIONS + 1}`;
  const found = (await db.runAndReadAll(distinct)).getRowObjectsJson() as Record<string, string | null>[];
  if (found.length > MOST_PARTITIONS) throw new StepFailure("lake_unsupported", `${by.join(", ")} have more than ${MOST_PARTITIONS} values: each would be a file of its own`);
  const parts: NonNullable<CopyResult["parts"]> = [];
  for (const values of found) {
    // Delta reads an empty text as null.
    if (Object.values(values).includes("")) throw new StepFailure("lake_unsupported", `${by.join(", ")} hold an empty text, which no table can keep apart from null`);
    const part = `${file}.${parts.length}`;
    parts.push({ values, ...(await writeFile(db, copyTo(partitionRows(file, columns, values), part), part, kept)) });
  }
  return parts;
}

async function runQuery(db: DuckDBConnection, step: QueryStep): Promise<QueryResult> {
  const started = performance.now();
  const reader = await db.streamAndReadUntil(step.sql, step.max_rows + 1);
  const types = reader.columnTypes();
  const rows = reader.getRowObjectsJson();
  return {
    kind: "query",
    name: step.name,
    columns: reader.deduplicatedColumnNames().map((name, index) => ({ name, type: String(types[index]) })),
    rows: rows.slice(0, step.max_rows),
    truncated: rows.length > step.max_rows,
    seconds: (performance.now() - started) / 1000,
  };
}

function describe(error: unknown): { code: string; message: string; line: number | null } {
  const message = withoutValues(error instanceof Error ? error.message : String(error));
  const line = /\bLINE (\d+):/.exec(message)?.[1];
  const place = { message, line: line === undefined ? null : Number(line) };
  if (error instanceof StepFailure) return { code: error.code, ...place };
  if (/No space left on device|temp_directory.*max|max_temp_directory_size/i.test(message)) return { code: "storage_full", ...place };
  if (/^(Out of Memory Error|.*failed to allocate|.*bad_alloc)/i.test(message)) return { code: "engine_memory", ...place };
  if (/^INTERRUPT Error/i.test(message)) return { code: "canceled", ...place };
  return { code: "sql_error", ...place };
}

/** DuckDB quotes the value that did not convert and the line of a CSV file: row content belongs in no message. */
function withoutValues(message: string): string {
  return message
    .replace(/(Could not (?:convert|cast) (?:\w+ )?)["'][^]*?["'](?= to )/gi, "$1'…'")
    .replace(/(field format: )"[^]*?"/g, '$1"…"')
    .replace(/^\s*Original Line:.*$/gm, "");
}
