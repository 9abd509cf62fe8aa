import { PermanentError } from "../core/errors.ts";
import type { StagedTable } from "../core/phase.ts";
import { contentSha256 } from "../core/phase-output.ts";
import type { CopyResult, WrittenFile } from "../engines/duckdb-job.ts";
import type { LakeTable } from "../lake/delta-log.ts";
import { deltaColumns } from "../lake/delta-types.ts";
import { stageFile } from "../lake/stage.ts";
import { openStorage } from "../storage/storage.ts";
import { mapConcurrently } from "./concurrently.ts";
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
  options: { mode: "overwrite" | "append"; key: string[]; partition_columns: StagedTable["partition_columns"]; partition_by?: string[] | undefined },
): Promise<StagedTable> {
  const all = deltaColumns(written.name, written.columns);
  const named = written.parts === undefined ? [] : (options.partition_by ?? []);
  const columns = all.filter((column) => !named.includes(column.name));
  const divided = named.map((name) => all.find((column) => column.name === name)!).map(({ name, type }) => ({ name, type }));
  refusePartitions(written.name, divided);
  const table = await lakeTable(context.lake.write_root, written.name);
  // The name holds no run yet, so that equal content gives an equal output; publish gives an append its own name.
  const stage = (file: WrittenFile, partition_values?: Record<string, string | null>) =>
    stageFile({ ...file, table, columns, mode: "overwrite", run_id: context.run.run_id, ...(partition_values === undefined ? {} : { partition_values }) });
  const files = written.parts === undefined ? [await stage(written)] : await mapConcurrently(written.parts, FILES_AT_ONCE, (part) => stage(part, part.values));
  return {
    name: written.name,
    mode: options.mode,
    key: options.key,
    columns,
    partition_columns: [...divided, ...options.partition_columns],
    files,
    row_count: files.reduce((sum, file) => sum + file.row_count, 0),
    byte_size: files.reduce((sum, file) => sum + file.byte_size, 0),
    content_sha256: contentSha256(columns, files),
  };
}

/** Types whose text every reader of a partition value understands alike. */
const PARTITION_TYPES = /^(string|long|integer|short|byte|date|boolean|decimal\(.*\))$/;

function refusePartitions(name: string, divided: StagedTable["partition_columns"]): void {
  const wrong = divided.find(({ type }) => !PARTITION_TYPES.test(type));
  if (wrong !== undefined) throw new PermanentError("lake_unsupported", `${name}.${wrong.name} is a ${wrong.type}, which cannot divide a table. Use a text, a whole number, a date, a boolean or a DECIMAL.`);
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
