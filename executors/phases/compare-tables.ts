import type { RowDifference, TableDifference } from "../../contracts/verification.ts";
import type { LakeLocation, StagedFile, StagedTable } from "../core/phase.ts";
import { mask } from "../core/redactor.ts";
import { notCompared, type CompareScope, type TableComparer, type UnequalTable } from "../core/verify-run.ts";
import { runDuckdb } from "../engines/duckdb.ts";
import type { EngineView, QueryResult, QueryStep } from "../engines/duckdb-job.ts";
import { identifier, sameKey, tableName } from "../engines/duckdb-sql.ts";
import { duckdbType } from "../lake/delta-types.ts";
import { stagedName } from "../lake/stage.ts";
import { hashFile } from "../storage/background-hash.ts";
import { openStorage } from "../storage/storage.ts";
import { viewFiles } from "./inputs.ts";
import { lakeTable } from "./staging.ts";

const rowsShown = 20;
const lettersShown = 200;
/** In which side of the comparison a row is. */
const HERE = identifier("control room: here");
const TIMES = identifier("control room: times");
const compareTimeoutMs = 3_600_000;

interface Column { name: string; type: string }
interface Pair { table: UnequalTable; shared: Column[]; columns: TableDifference["columns"]; views: EngineView[]; steps: QueryStep[] }

/**
 * Compares rows with DuckDB: by the unique key where there is one, else as bags of whole rows. Columns whose name starts with `_` tell
 * of the run that wrote them, and count for nothing (they are not part of a table's logical content).
 */
export const compareTables: TableComparer = {
  async compare(tables, scope) {
    const pairs: (Pair | TableDifference)[] = [];
    // One after the other: on s3 each brings whole tables onto this machine.
    for (const [index, table] of tables.entries()) pairs.push(await openPair(table, index, scope));
    const open = pairs.filter((pair): pair is Pair => "steps" in pair);
    const job = { views: open.flatMap(({ views }) => views), steps: open.flatMap(({ steps }) => steps) };
    const { results } = job.steps.length === 0 ? { results: [] } : await runDuckdb(job, {
      signal: scope.signal, memory_mb: scope.limits.memory_mb, threads: scope.limits.threads, user: scope.limits.child_user, scratch: scope.scratch, directories: [], timeout_ms: compareTimeoutMs,
    });
    let at = 0;
    return pairs.map((pair) => ("steps" in pair ? differenceOf(pair, results[at++] as QueryResult, results[at++] as QueryResult) : pair));
  },
  discard,
};

/** Longer than any phase may take: what a verification wrote last so long ago is of one whose executors died, or that was canceled in the queue. */
const ABANDONED_MS = 8 * 24 * 3600 * 1000;

/** Removes every object below the verification's own root, and below those of verifications that were abandoned; nobody reads there any more. */
async function discard({ read_root, write_root }: LakeLocation): Promise<void> {
  if (write_root === read_root) return;
  const storage = await openStorage(read_root);
  const own = write_root.slice(read_root.length + 1);
  for await (const { path } of storage.list(own)) await storage.remove(path);
  const [isolated] = own.split("/") as [string];
  const others = new Map<string, { paths: string[]; newest: number }>();
  for await (const { path, modified_at } of storage.list(isolated)) {
    const root = path.split("/").slice(0, 2).join("/");
    const other = others.get(root) ?? { paths: [], newest: 0 };
    others.set(root, { paths: [...other.paths, path], newest: Math.max(other.newest, modified_at.getTime()) });
  }
  for (const { paths, newest } of others.values()) if (newest < Date.now() - ABANDONED_MS) for (const path of paths) await storage.remove(path);
}

async function openPair(table: UnequalTable, index: number, scope: CompareScope): Promise<Pair | TableDifference> {
  const original = await originalFiles(table.original, scope);
  if (typeof original === "string") return notCompared(table, original);
  const [before, after] = [columnsOf(table.original), columnsOf(table.again)];
  const shared = before.filter(({ name, type }) => after.some((column) => column.name === name && column.type === type));
  const columns: TableDifference["columns"] = [
    ...before.filter(({ name }) => !after.some((column) => column.name === name)).map(({ name }) => ({ name, change: "removed" as const, rows: 0 })),
    ...after.filter(({ name }) => !before.some((column) => column.name === name)).map(({ name }) => ({ name, change: "added" as const, rows: 0 })),
    ...after.filter(({ name, type }) => before.some((column) => column.name === name && column.type !== type)).map(({ name }) => ({ name, change: "retyped" as const, rows: 0 })),
  ];
  if (shared.length === 0) return { ...notCompared(table, "No column is in both."), columns };
  const again = await lakeTable(scope.lake.write_root, table.again.name);
  const views: EngineView[] = [
    await viewOf(`original.t${index}`, table.original, original.table, original.files, scope),
    await viewOf(`again.t${index}`, table.again, again, table.again.files, scope),
  ];
  const keyed = table.keyed && table.again.key.every((name) => shared.some((column) => column.name === name));
  const pair = { table: { ...table, keyed }, shared, columns, views, steps: [] };
  return { ...pair, steps: keyed ? keyedSteps(pair, index) : bagSteps(pair, index) };
}

function columnsOf({ columns, partition_columns }: StagedTable): Column[] {
  return [...columns, ...partition_columns].filter(({ name }) => !name.startsWith("_")).map(({ name, type }) => ({ name, type }));
}

async function viewOf(name: string, staged: StagedTable, table: Awaited<ReturnType<typeof lakeTable>>, files: Pick<StagedFile, "path" | "partition_values">[], scope: CompareScope): Promise<EngineView> {
  const all = [...staged.columns, ...staged.partition_columns.map((column) => ({ ...column, nullable: true }))];
  const parts = await viewFiles(scope, table, all, files.map(({ path, partition_values }) => ({ path, partition_values: partition_values ?? {} })));
  return { name, parts, columns: columnsOf(staged).map((column) => ({ name: column.name, type: duckdbType(`${staged.name}.${column.name}`, column.type) })) };
}

/** Where the original's files lie, each still as it was written; else why not. A published append has the run's id in its name. */
async function originalFiles(staged: StagedTable, scope: CompareScope): Promise<{ table: Awaited<ReturnType<typeof lakeTable>>; files: Pick<StagedFile, "path" | "partition_values">[] } | string> {
  const table = await lakeTable(scope.lake.read_root, staged.name);
  const files: Pick<StagedFile, "path" | "partition_values">[] = [];
  for (const file of staged.files) {
    const names = [file.path, stagedName(file, "append", scope.original_run_id)];
    const sizes = await Promise.all(names.map((path) => table.storage.stat(`${table.path}/${path}`)));
    const path = names[sizes.findIndex((found) => found !== null)];
    if (path === undefined) return "The original's files are no longer in the lake: a cleanup has removed them.";
    const { sha256 } = await hashFile(await table.storage.localFile(`${table.path}/${path}`, scope.scratch));
    if (sha256 !== file.sha256) return `The original's file ${path} is not what the run wrote: it was altered in the lake.`;
    files.push({ path, ...(file.partition_values === undefined ? {} : { partition_values: file.partition_values }) });
  }
  return { table, files };
}

function keyedSteps({ table, shared }: Pick<Pair, "table" | "shared">, index: number): QueryStep[] {
  const { key, name } = table.again;
  const side = (from: string): string => `(select *, true as ${HERE} from ${tableName(`${from}.t${index}`)})`;
  const joined = `from ${side("original")} as a full join ${side("again")} as b on ${sameKey("a", "b", key)}`;
  const unequal = shared.map((column) => `a.${identifier(column.name)} is distinct from b.${identifier(column.name)}`);
  const both = `a.${HERE} and b.${HERE}`;
  const changed = `${both} and (${unequal.join(" or ")})`;
  const counts = [`count(*) filter (where b.${HERE} is null) as removed`, `count(*) filter (where a.${HERE} is null) as added`, `count(*) filter (where ${changed}) as changed`, ...unequal.map((differs, at) => `count(*) filter (where ${both} and ${differs}) as c${at}`)];
  const shown = shared.flatMap(({ name: column }, at) => [`left(a.${identifier(column)}::varchar, ${lettersShown}) as a${at}`, `left(b.${identifier(column)}::varchar, ${lettersShown}) as b${at}`, `${unequal[at]!} as d${at}`]);
  const order = key.map((column) => `coalesce(a.${identifier(column)}, b.${identifier(column)})`);
  return [
    { kind: "query", name, sql: `select ${counts.join(", ")} ${joined}`, max_rows: 1 },
    { kind: "query", name, sql: `select a.${HERE} as in_original, b.${HERE} as in_again, ${shown.join(", ")} ${joined} where a.${HERE} is null or b.${HERE} is null or (${changed}) order by ${order.join(", ")} limit ${rowsShown}`, max_rows: rowsShown },
  ];
}

function bagSteps({ table, shared }: Pick<Pair, "table" | "shared">, index: number): QueryStep[] {
  const names = shared.map(({ name }) => name);
  const side = (from: string): string => `(select ${names.map(identifier).join(", ")}, count(*) as ${TIMES} from ${tableName(`${from}.t${index}`)} group by all)`;
  const joined = `from ${side("original")} as a full join ${side("again")} as b on ${sameKey("a", "b", names)}`;
  const times = (one: string): string => `coalesce(${one}.${TIMES}, 0)`;
  const more = (one: string, other: string): string => `coalesce(sum(greatest(${times(one)} - ${times(other)}, 0)), 0)::bigint`;
  const shown = shared.flatMap(({ name }, at) => [`left(a.${identifier(name)}::varchar, ${lettersShown}) as a${at}`, `left(b.${identifier(name)}::varchar, ${lettersShown}) as b${at}`]);
  return [
    { kind: "query", name: table.again.name, sql: `select ${more("a", "b")} as removed, ${more("b", "a")} as added, 0 as changed ${joined}`, max_rows: 1 },
    {
      kind: "query", name: table.again.name, max_rows: rowsShown,
      sql: `select case when ${times("a")} > ${times("b")} then true end as in_original, case when ${times("b")} > ${times("a")} then true end as in_again, ${shown.join(", ")} ${joined} where ${times("a")} <> ${times("b")} order by all limit ${rowsShown}`,
    },
  ];
}

function differenceOf({ table, shared, columns: reshaped }: Pair, counted: QueryResult, sampled: QueryResult): TableDifference {
  const counts = counted.rows[0] ?? {};
  const [rows_removed, rows_added, rows_changed] = ["removed", "added", "changed"].map((name) => Number(counts[name])) as [number, number, number];
  const changed = shared.map(({ name }, at) => ({ name, change: "values" as const, rows: Number(counts[`c${at}`] ?? 0) })).filter(({ rows }) => rows > 0);
  const columns = [...reshaped, ...changed];
  const same = columns.length === 0 && rows_removed + rows_added + rows_changed === 0;
  return {
    ...notCompared(table, ""), verdict: same ? "same_rows" : "differs", reason: null, rows_removed, rows_added, rows_changed, columns,
    sample: sampled.rows.map((row) => rowOf(row, table, shared)),
  };
}

function rowOf(row: Record<string, unknown>, table: UnequalTable, shared: Column[]): RowDifference {
  const kind = row["in_again"] === null ? "removed" : row["in_original"] === null ? "added" : "changed";
  const masked = new Set(table.masked.map((name) => name.toLowerCase()));
  const text = (name: string, value: unknown): string | null => (value === null || value === undefined ? null : masked.has(name.toLowerCase()) ? mask : String(value));
  const side = kind === "added" ? "b" : "a";
  const key: RowDifference["key"] = {};
  const values: RowDifference["values"] = {};
  shared.forEach(({ name }, at) => {
    if (!table.keyed || table.again.key.includes(name)) key[name] = text(name, row[`${side}${at}`]);
    else if (kind === "changed" && row[`d${at}`] === true) values[name] = { original: text(name, row[`a${at}`]), again: text(name, row[`b${at}`]) };
  });
  return { kind, key, values };
}
