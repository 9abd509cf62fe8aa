import { sha256OfJson } from "../core/hash.ts";
import type { KeySlice } from "../engines/key-slices.ts";
import type { LakeTable } from "./delta-log.ts";
import type { LakeColumn } from "./delta-types.ts";
import { type ColumnStatistics, statsText } from "./statistics.ts";

/** A Parquet file in the table's folder that no version of the table names yet. */
export interface StagedFile {
  /** Relative to the table's folder. */
  path: string;
  sha256: string;
  byte_size: number;
  row_count: number;
  /** Delta's statistics, as the JSON text that goes into the log. */
  stats: string;
  /** Values of partition columns that only this file has, as Delta writes them. */
  partition_values?: Record<string, string | null>;
  /** Which part of its table it is, where that is divided by its key. */
  slice?: KeySlice;
}

/**
 * `part-<first 32 digits of its SHA-256>.parquet`: equal content is one file, whichever run wrote it. An append has
 * the run's id in its name, because identical rows appended twice are two files. Partition columns are not in the bytes: their
 * values are in the name's hash, because equal bytes of two partitions are two files.
 */
export function stagedName({ sha256, partition_values }: Pick<StagedFile, "sha256" | "partition_values">, mode: "overwrite" | "append", run_id: string): string {
  const hash = partition_values === undefined ? sha256 : sha256OfJson({ sha256, partition_values });
  return `part-${hash.slice(0, 32)}${mode === "append" ? `-${run_id}` : ""}.parquet`;
}

/** Copies a local Parquet file into the table's folder under its content's name. A repeat finds it there. */
export async function stageFile(options: {
  table: LakeTable;
  /** Absolute path of a file on this machine. */
  file: string;
  sha256: string;
  bytes: number;
  rows: number;
  /** The columns in the file. */
  columns: LakeColumn[];
  statistics: Record<string, ColumnStatistics>;
  partition_values?: Record<string, string | null>;
  slice?: KeySlice;
  mode: "overwrite" | "append";
  run_id: string;
}): Promise<StagedFile> {
  const { table, sha256, bytes, rows, columns, statistics, partition_values, slice } = options;
  const path = stagedName(options, options.mode, options.run_id);
  const lies = await table.storage.stat(`${table.path}/${path}`);
  if (lies?.size !== bytes) await table.storage.putIfAbsent(`${table.path}/${path}`, { file: options.file });
  return { path, sha256, byte_size: bytes, row_count: rows, stats: statsText(rows, columns, statistics), ...(partition_values === undefined ? {} : { partition_values }), ...(slice === undefined ? {} : { slice }) };
}
