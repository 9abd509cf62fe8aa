import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { PermanentError } from "../core/errors.ts";
import type { PhaseContext, PhaseHandler, PhaseResult, StagedTable } from "../core/phase.ts";
import type { CopyResult, CopyStep } from "../engines/duckdb-job.ts";
import { literal } from "../engines/duckdb-sql.ts";
import { csvToParquet } from "../sources/csv-to-parquet.ts";
import { readTables } from "../sources/read-tables.ts";
import { mapConcurrently } from "./concurrently.ts";
import { runEngine } from "./engine.ts";
import { FILES_AT_ONCE, LANDING_COLUMNS, lakeTable, stageTable } from "./staging.ts";

/** What a run's input manifest keeps of an ingest: where the rows came from, and the files in which they landed. */
const landing = z.looseObject({
  tables: z.array(z.object({ name: z.string(), path: z.string(), sha256: z.string(), key: z.array(z.string()) })),
  missing: z.array(z.string()),
  excluded: z.record(z.string(), z.array(z.string())),
});
type Landing = z.infer<typeof landing>;

/**
 * Lands tables of a source as they are: one snapshot for all, typed, in key order. A run that repeats another, and a
 * later attempt of the same run, land again what the first landing recorded; the live source has moved on by then.
 */
export const ingest: PhaseHandler<"ingest"> = async (context) => {
  const recorded = landing.safeParse((context.run.input_manifest?.["sources"] as Record<string, unknown> | undefined)?.[context.phase.name]);
  return recorded.success ? landAgain(context, recorded.data) : landFromSource(context);
};

async function landFromSource(context: PhaseContext<"ingest">): Promise<PhaseResult> {
  const { config, scratch } = context;
  const started = performance.now();
  const read = { rows: 0, bytes: 0 };
  const { snapshot, tables } = await readTables({
    kind: config.source,
    url: await context.connection(config.connection),
    schema: config.schema,
    tables: config.tables,
    directory: scratch,
    signal: context.signal,
    statement_timeout_ms: context.phase.timeout_seconds * 1000,
    log: (message, facts) => context.log("debug", message, facts),
    onRead: (rows, bytes) => context.used({ rows: read.rows += rows, bytes: read.bytes += bytes }),
  });
  const found = tables.filter((table) => !table.missing);
  const missing = tables.filter((table) => table.missing).map((table) => table.name);
  const source_rows = found.reduce((sum, table) => sum + table.rows, 0);
  const read_seconds = seconds(started);
  context.progress(`Read ${found.length} tables with ${source_rows} rows from one snapshot of ${config.connection}.`, {
    tables: found.length, rows: source_rows, missing, horizon: snapshot.horizon, horizon_exact: snapshot.horizon_exact,
  });
  const steps = found.map((table) => csvToParquet(table, { name: `${config.target}.${table.name}`, to: join(scratch, `${table.name}.parquet`) }));
  const { staged, engine, ...used } = await land(context, steps, found.flatMap((table) => (table.file === null ? [] : [table.file])));
  const excluded = Object.fromEntries(found.filter((table) => table.excluded.length > 0).map((table) => [table.name, table.excluded]));
  await context.pinSource(context.phase.name, {
    connection: config.connection, kind: config.source, schema: config.schema, ...snapshot, missing, excluded,
    tables: staged.map((table) => ({ name: table.name, path: table.files[0]!.path, sha256: table.files[0]!.sha256, key: table.key })),
  });
  return result(staged, { missing, excluded, engine }, { read_seconds, seconds: seconds(started), ...used, horizon: snapshot.horizon });
}

async function landAgain(context: PhaseContext<"ingest">, recorded: Landing): Promise<PhaseResult> {
  const started = performance.now();
  context.progress(`Lands again the ${recorded.tables.length} tables that the first landing recorded, not the live source.`, { tables: recorded.tables.length });
  const steps: CopyStep[] = [];
  const files: string[] = [];
  for (const { name, path, key } of recorded.tables) {
    const table = await lakeTable(context.lake.read_root, name);
    if ((await table.storage.stat(`${table.path}/${path}`)) === null) {
      throw new PermanentError("dataset_missing", `The landed file of ${name} (${path}) is no longer in the lake. Start a new run, which reads the source.`, { dataset: name });
    }
    const file = await table.storage.localFile(`${table.path}/${path}`, context.scratch);
    files.push(file);
    steps.push({ kind: "copy", name, sql: `select * from read_parquet(${literal(file)})`, key, to: join(context.scratch, `${steps.length}.parquet`) });
  }
  const { staged, engine, ...used } = await land(context, steps, files);
  const { missing, excluded } = recorded;
  return result(staged, { missing, excluded, engine }, { seconds: seconds(started), ...used, landed_again: true });
}

async function land(context: PhaseContext<"ingest">, steps: CopyStep[], read_files: string[]): Promise<{ staged: StagedTable[]; engine: string; peak_memory_bytes: number; cpu_seconds: number }> {
  const outcome = await runEngine(context, { views: [], steps, read_files });
  const staged = await mapConcurrently(steps, FILES_AT_ONCE, async (step, index) => {
    context.signal.throwIfAborted();
    const options = { mode: "overwrite", key: step.key ?? [], partition_columns: LANDING_COLUMNS } as const;
    const table = await stageTable(context, outcome.results[index] as CopyResult, options);
    await rm(step.to, { force: true });
    return table;
  });
  const rows = staged.reduce((sum, table) => sum + table.row_count, 0);
  context.progress(`Staged ${staged.length} tables with ${rows} rows.`, { tables: staged.length, rows });
  return { staged, engine: `duckdb ${outcome.engine_version}`, peak_memory_bytes: outcome.peak_memory_bytes, cpu_seconds: outcome.cpu_seconds };
}

function result(staged: StagedTable[], facts: Record<string, unknown>, metrics: Record<string, unknown>): PhaseResult {
  const rows = staged.reduce((sum, table) => sum + table.row_count, 0);
  const bytes = staged.reduce((sum, table) => sum + table.byte_size, 0);
  return {
    output: { tables: staged, facts: { ...facts, rows: Object.fromEntries(staged.map((table) => [table.name, table.row_count])) } },
    metrics: { rows, bytes, tables: staged.length, ...metrics },
  };
}

function seconds(since: number): number {
  return Math.round(performance.now() - since) / 1000;
}
