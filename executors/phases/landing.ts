import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { PermanentError } from "../core/errors.ts";
import type { PhaseContext, PhaseResult, StagedFile, StagedTable } from "../core/phase.ts";
import type { CopyResult, CopyStep, EngineView, QueryStep, StepResult } from "../engines/duckdb-job.ts";
import { literal } from "../engines/duckdb-sql.ts";
import { mapConcurrently } from "./concurrently.ts";
import { runEngine } from "./engine.ts";
import { sourceMark } from "./source-marks.ts";
import { FILES_AT_ONCE, LANDING_COLUMNS, lakeTable, stageTable } from "./staging.ts";

/** What a run's input manifest keeps of an ingest: where the rows came from, and the files in which they landed. */
const landing = z.looseObject({
  tables: z.array(z.object({ name: z.string(), files: z.array(z.object({ path: z.string(), sha256: z.string() })).min(1), key: z.array(z.string()), mark: sourceMark.nullish() })),
  missing: z.array(z.string()),
  excluded: z.record(z.string(), z.array(z.string())),
  /** Tables that were merged, with the version that they were made of. */
  merged: z.record(z.string(), z.string()).optional(),
});
export type Landing = z.infer<typeof landing>;

/** What an earlier landing of this phase recorded; null where there was none. */
export function recordedLanding(context: PhaseContext<"ingest">): Landing | null {
  return landing.safeParse((context.run.input_manifest?.["sources"] as Record<string, unknown> | undefined)?.[context.phase.name]).data ?? null;
}

/** Lands the recorded files again, not the live source, which has moved on. */
export async function landAgain(context: PhaseContext<"ingest">, recorded: Landing): Promise<PhaseResult> {
  const started = performance.now();
  context.progress(`Lands again the ${recorded.tables.length} tables that the first landing recorded, not the live source.`, { tables: recorded.tables.length });
  const steps: CopyStep[] = [];
  const files: string[] = [];
  for (const { name, files: landed, key } of recorded.tables) {
    const table = await lakeTable(context.lake.read_root, name);
    const local = await mapConcurrently(landed, FILES_AT_ONCE, async ({ path }) => {
      if ((await table.storage.stat(`${table.path}/${path}`)) === null) {
        throw new PermanentError("dataset_missing", `The landed file of ${name} (${path}) is no longer in the lake. Start a new run, which reads the source.`, { dataset: name });
      }
      return table.storage.localFile(`${table.path}/${path}`, context.scratch);
    });
    files.push(...local);
    steps.push({ kind: "copy", name, sql: `select * from read_parquet([${local.map(literal).join(", ")}])`, key, to: join(context.scratch, `${steps.length}.parquet`), slices: { by: key[0]!, shift: null } });
  }
  const { staged, facts, metrics } = await land(context, { steps, read_files: files });
  const { missing, excluded, merged } = recorded;
  return landedResult(staged, { missing, excluded, ...(merged === undefined ? {} : { merged }), ...facts }, { seconds: secondsSince(started), ...metrics, landed_again: true });
}

export interface LandJob {
  /** Tables, and what is asked beside them. Steps that `stages` leaves out are for others of the job alone. */
  steps: (CopyStep | QueryStep)[];
  read_files: string[];
  views?: EngineView[];
  stages?: (step: CopyStep) => boolean;
  /** Files of a divided table that stay as they are. */
  kept?: (written: CopyResult) => StagedFile[];
  /** Looks at what the engine answered before anything is staged; may ask for another job in place of this one. */
  check?: (results: StepResult[]) => Promise<LandJob | null>;
}

/** Runs the steps and stages the tables that they write. */
export async function land(context: PhaseContext<"ingest">, { steps, read_files, views = [], stages = () => true, kept = () => [], check }: LandJob): Promise<{ staged: StagedTable[]; facts: { engine: string }; metrics: Record<string, unknown> }> {
  const outcome = await runEngine(context, { views, steps, read_files });
  const instead = (await check?.(outcome.results)) ?? null;
  if (instead !== null) return land(context, instead);
  const tables = steps.flatMap((step, index) => (step.kind === "copy" && stages(step) ? [{ step, written: outcome.results[index] as CopyResult }] : []));
  const staged = await mapConcurrently(tables, FILES_AT_ONCE, async ({ step, written }) => {
    context.signal.throwIfAborted();
    const table = await stageTable(context, written, { mode: "overwrite", key: step.key ?? [], partition_columns: LANDING_COLUMNS, kept: kept(written) });
    for (const { file } of written.slices?.files ?? [written.file!]) await rm(file, { force: true });
    return table;
  });
  const rows = staged.reduce((sum, table) => sum + table.row_count, 0);
  context.progress(`Staged ${staged.length} tables with ${rows} rows.`, { tables: staged.length, rows });
  return { staged, facts: { engine: `duckdb ${outcome.engine_version}` }, metrics: { peak_memory_bytes: outcome.peak_memory_bytes, cpu_seconds: outcome.cpu_seconds } };
}

export function landedResult(staged: StagedTable[], facts: Record<string, unknown>, metrics: Record<string, unknown>): PhaseResult {
  const rows = staged.reduce((sum, table) => sum + table.row_count, 0);
  const bytes = staged.reduce((sum, table) => sum + table.byte_size, 0);
  return {
    output: { tables: staged, facts: { ...facts, rows: Object.fromEntries(staged.map((table) => [table.name, table.row_count])) } },
    metrics: { rows, bytes, tables: staged.length, ...metrics },
  };
}

export function secondsSince(start: number): number {
  return Math.round(performance.now() - start) / 1000;
}
