import { PermanentError } from "../core/errors.ts";
import type { StagedFile, StagedTable } from "../core/phase.ts";
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

/**
 * Puts what the engine wrote into the table's folder; no reader sees it before it is published. `kept` are the slices of a divided
 * table that lie there already and that a merge has not touched.
 */
export async function stageTable(
  context: PhaseScope,
  written: CopyResult,
  options: { mode: "overwrite" | "append"; key: string[]; partition_columns: StagedTable["partition_columns"]; partition_by?: string[] | undefined; kept?: StagedFile[] },
): Promise<StagedTable> {
  const all = deltaColumns(written.name, written.columns);
  const named = written.parts === undefined ? [] : (options.partition_by ?? []);
  const columns = all.filter((column) => !named.includes(column.name));
  const divided = named.map((name) => all.find((column) => column.name === name)!).map(({ name, type }) => ({ name, type }));
  refusePartitions(written.name, divided);
  const table = await lakeTable(context.lake.write_root, written.name);
  // The name holds no run yet, so that equal content gives an equal output; publish gives an append its own name.
  const stage = (file: WrittenFile, part: Pick<StagedFile, "partition_values" | "slice"> = {}): Promise<StagedFile> =>
    stageFile({ file: file.file, sha256: file.sha256, bytes: file.bytes, rows: file.rows, statistics: file.statistics, table, columns, mode: "overwrite", run_id: context.run.run_id, ...part });
  const { parts, slices } = written;
  const files = slices !== undefined
    ? [...(options.kept ?? []), ...(await mapConcurrently(slices.files, FILES_AT_ONCE, (file) => stage(file, { slice: { shift: slices.shift, number: file.number, ...(file.made_of === undefined ? {} : { made_of: file.made_of }) } })))].toSorted((a, b) => a.slice!.number - b.slice!.number)
    : parts !== undefined ? await mapConcurrently(parts, FILES_AT_ONCE, (part) => stage(part, { partition_values: part.values })) : [await stage(written.file!)];
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
