import { join } from "node:path";
import type { TableLineage } from "../../contracts/dataset.ts";
import type { PhaseConfig } from "../../contracts/pipeline.ts";
import type { PhaseHandler } from "../core/phase.ts";
import type { DuckdbOutcome } from "../engines/duckdb.ts";
import type { CopyResult, CopyStep } from "../engines/duckdb-job.ts";
import { mapConcurrently } from "./concurrently.ts";
import { runEngine } from "./engine.ts";
import { inputViews, pastViews } from "./inputs.ts";
import { NO_VERSION, before, changesOf, keptByMerge, mergeBases, mergeSteps, refuseRetyped } from "./merge-steps.ts";
import { filesOf, keptOf, lyingTables } from "./lying-tables.ts";
import { FILES_AT_ONCE, stageTable } from "./staging.ts";

type Config = PhaseConfig<"transform">;

/**
 * Computes tables with SQL and stages them. A table sees the phase's inputs and the tables above it in the list; its
 * rows are written in the order of its unique key, so equal inputs give equal bytes. A merge is staged as the whole table
 * that it makes of the registered version, to which the run is pinned.
 */
export const transform: PhaseHandler<"transform"> = async (context) => {
  const { config } = context;
  const views = [...(await inputViews(context, { required: config.inputs })), ...(await pastViews(context, config.past))];
  context.progress(`Reads ${views.length} tables and computes ${config.tables.length}.`, { inputs: views.length, tables: config.tables.length });
  const made = new Set(config.tables.map((table) => table.name));
  const merging = config.tables.filter((table) => table.mode === "merge").map((table) => table.name);
  const versions = await context.pinDatasets(merging);
  const bases = await mergeBases(context, versions);
  const lying = await lyingTables(context, config.tables, views);
  const compute = async (): Promise<{ outcome: DuckdbOutcome; results: Map<string, CopyResult> }> => {
    const steps = config.tables.flatMap((table, index): CopyStep[] => {
      const to = join(context.scratch, `${index}.parquet`);
      if (table.mode === "merge") return mergeSteps(table, bases.get(table.name) ?? null, to);
      const slices = table.mode === "append" ? {} : { slices: { by: table.key[0]!, shift: null, before: lying.get(table.name)?.before ?? null } };
      const divided = table.partition_by === undefined ? slices : { partition_by: table.partition_by };
      return [{ kind: "copy", name: table.name, sql: table.sql ?? "", key: table.key, to, define_view: index < config.tables.length - 1, lineage: true, ...divided }];
    });
    const present = [...bases.values()].filter((base) => base !== null);
    const whole = present.filter(({ sliced }) => sliced === null).map(({ view }) => ({ ...view, name: before(view.name) }));
    const read_files = [...present.flatMap(({ files }) => files.map(({ file }) => file)), ...[...lying.values()].flatMap(filesOf)];
    const outcome = await runEngine(context, { views: [...views.filter((view) => !made.has(view.name)), ...whole], steps, read_files });
    return { outcome, results: new Map((outcome.results as CopyResult[]).map((result) => [result.name, result])) };
  };
  let { outcome, results } = await compute();
  const divideAnew = [...bases].filter(([name, base]) => keptByMerge(base, results.get(name)!) === null);
  if (divideAnew.length > 0) {
    for (const [name, base] of divideAnew) bases.set(name, { ...base!, sliced: null, files: [] });
    ({ outcome, results } = await compute());
  }
  const tables = await mapConcurrently(config.tables, FILES_AT_ONCE, async (table) => {
    context.signal.throwIfAborted();
    const written = results.get(table.name)!;
    const base = bases.get(table.name) ?? null;
    refuseRetyped(base?.view, written);
    const floating = written.columns.filter((column) => column.type === "DOUBLE" || column.type === "FLOAT").map((column) => column.name);
    if (floating.length > 0) context.log("warn", "floating columns: their sums may differ between thread counts, use DECIMAL", { table: table.name, columns: floating });
    const staged = await stageTable(context, written, { mode: table.mode === "append" ? "append" : "overwrite", key: table.key, partition_columns: [], partition_by: table.partition_by, kept: table.mode === "merge" ? (keptByMerge(base, written) ?? []) : keptOf(lying.get(table.name), written) });
    return { ...staged, lineage: lineageOf(config, table, results) };
  });
  const rows = tables.reduce((sum, table) => sum + table.row_count, 0);
  const bytes = tables.reduce((sum, table) => sum + table.byte_size, 0);
  context.progress(`Staged ${tables.length} tables with ${rows} rows.`, { tables: tables.length, rows, bytes });
  const merged = Object.fromEntries(merging.map((name) => [name, versions.get(name)?.table_version ?? NO_VERSION]));
  return {
    output: { tables, facts: { ...(merging.length > 0 ? { merged } : {}), engine: `duckdb ${outcome.engine_version}`, rows: Object.fromEntries(tables.map((table) => [table.name, table.row_count])) } },
    metrics: {
      rows,
      bytes,
      tables: tables.length,
      peak_memory_bytes: outcome.peak_memory_bytes,
      cpu_seconds: outcome.cpu_seconds,
      seconds: Object.fromEntries(outcome.results.map((result) => [result.name, Math.round(result.seconds * 1000) / 1000])),
    },
  };
};

/** What a table's SQL reads, by the names of datasets; where the engine could not tell, the inputs that the phase names. */
function lineageOf(config: Config, table: Config["tables"][number], results: ReadonlyMap<string, CopyResult>): TableLineage {
  const found = results.get(table.mode === "merge" ? changesOf(table.name) : table.name)?.lineage;
  if (found == null) return { inputs: config.inputs.filter((name) => name !== table.name).toSorted(), columns: null, rows: [] };
  const past = new Map(config.past?.map(({ as, dataset }) => [as, dataset]));
  const named = <T extends { dataset: string }>(source: T): T => ({ ...source, dataset: past.get(source.dataset) ?? source.dataset });
  // A column that removes keys decides rows, and is none of the table.
  const { [table.deleted ?? ""]: deleting = [], ...columns } = found.columns ?? {};
  return {
    inputs: [...new Set(found.inputs.map((input) => past.get(input) ?? input))].toSorted(),
    columns: found.columns === null ? null : Object.fromEntries(Object.entries(columns).map(([name, from]) => [name, from.map(named)])),
    rows: [...found.rows.map(named), ...deleting.map(({ dataset, column }) => named({ dataset, column, kind: "FILTER" as const }))],
  };
}
