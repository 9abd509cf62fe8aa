import { sha256OfJson } from "../core/hash.ts";
import type { StagedTable } from "../core/phase.ts";
import type { CopyResult } from "../engines/duckdb-job.ts";
import type { LakeTable } from "../lake/delta-log.ts";
import { deltaColumns } from "../lake/delta-types.ts";
import { stageFile } from "../lake/stage.ts";
import { openStorage } from "../storage/storage.ts";
import type { PhaseScope } from "./engine.ts";

/** Tables that are staged, read or committed at once: most of that time is waiting for the disk. */
export const FILES_AT_ONCE = 8;

/** `silver.partners` → the folder `silver/partners` below a root of the lake. */
export async function lakeTable(root: string, dataset: string): Promise<LakeTable> {
  return { storage: await openStorage(root), path: dataset.replace(".", "/") };
}

/** Puts a file that the engine wrote into its table's folder. No reader sees it before it is published. */
export async function stageTable(
  context: PhaseScope,
  written: CopyResult,
  options: { mode: "overwrite" | "append"; key: string[]; partition_columns: StagedTable["partition_columns"] },
): Promise<StagedTable> {
  const columns = deltaColumns(written.name, written.columns);
  const table = await lakeTable(context.lake.write_root, written.name);
  // The name holds no run yet, so that equal content gives an equal output; publish gives an append its own name.
  const file = await stageFile({ ...written, table, columns, mode: "overwrite", run_id: context.run.run_id });
  return {
    name: written.name,
    mode: options.mode,
    key: options.key,
    columns,
    partition_columns: options.partition_columns,
    files: [file],
    row_count: file.row_count,
    byte_size: file.byte_size,
    content_sha256: sha256OfJson({ columns, files: [file.sha256] }),
  };
}

/** Columns of a landed table whose values stand in the log: equal rows then give an equal file, whichever run landed them. */
export const LANDING_COLUMNS: StagedTable["partition_columns"] = [
  { name: "_run_id", type: "string" },
  { name: "_ingested_at", type: "timestamp" },
];

/** The values of partition columns in this run; the same in every attempt. */
export function partitionValues(context: PhaseScope, columns: StagedTable["partition_columns"]): Record<string, string | null> {
  const known: Record<string, string> = {
    _run_id: context.run.run_id,
    _ingested_at: new Date(context.run.created_at).toISOString(),
  };
  return Object.fromEntries(columns.map(({ name }) => [name, known[name] ?? null]));
}
