import { join } from "node:path";
import type { PhaseHandler } from "../core/phase.ts";
import type { CopyResult, CopyStep } from "../engines/duckdb-job.ts";
import { mapConcurrently } from "./concurrently.ts";
import { runEngine } from "./engine.ts";
import { inputViews } from "./inputs.ts";
import { FILES_AT_ONCE, stageTable } from "./staging.ts";

/**
 * Computes tables with SQL and stages them. A table sees the phase's inputs and the tables above it in the list; its
 * rows are written in the order of its unique key, so equal inputs give equal bytes.
 */
export const transform: PhaseHandler<"transform"> = async (context) => {
  const { config } = context;
  const views = await inputViews(context, { required: config.inputs });
  context.progress(`Reads ${views.length} tables and computes ${config.tables.length}.`, { inputs: views.length, tables: config.tables.length });
  const steps = config.tables.map((table, index): CopyStep => ({
    kind: "copy",
    name: table.name,
    sql: table.sql ?? "",
    key: table.key,
    to: join(context.scratch, `${index}.parquet`),
    define_view: true,
  }));
  const made = new Set(config.tables.map((table) => table.name));
  const outcome = await runEngine(context, { views: views.filter((view) => !made.has(view.name)), steps });
  const tables = await mapConcurrently(config.tables, FILES_AT_ONCE, async (table, index) => {
    context.signal.throwIfAborted();
    const written = outcome.results[index] as CopyResult;
    const floating = written.columns.filter((column) => column.type === "DOUBLE" || column.type === "FLOAT").map((column) => column.name);
    if (floating.length > 0) context.log("warn", "floating columns: their sums may differ between thread counts, use DECIMAL", { table: table.name, columns: floating });
    return stageTable(context, written, { mode: table.mode, key: table.key, partition_columns: [] });
  });
  const rows = tables.reduce((sum, table) => sum + table.row_count, 0);
  const bytes = tables.reduce((sum, table) => sum + table.byte_size, 0);
  context.progress(`Staged ${tables.length} tables with ${rows} rows.`, { tables: tables.length, rows, bytes });
  return {
    output: { tables, facts: { engine: `duckdb ${outcome.engine_version}`, rows: Object.fromEntries(tables.map((table) => [table.name, table.row_count])) } },
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
