import type { TableLineage } from "../../contracts/dataset.ts";

/** What the parent asks of the DuckDB child, and what it answers. Everything here travels as JSON. */

/** A column with its DuckDB type as DuckDB prints it, for example `DECIMAL(18,2)`. */
export interface EngineColumn {
  name: string;
  type: string;
}

/** Parquet files that share the values of their partition columns. */
export interface ViewFiles {
  /** Absolute paths. */
  files: string[];
  /** Columns that are not in the bytes: value as text, or null. */
  constants?: { name: string; type: string; value: string | null }[];
  /** Of a table that is divided by its key: which slice each of the files is, and its hash. */
  slices?: { shift: number; number: number; sha256: string }[];
}

/** `bronze.res_partner` as a view over files. */
export interface EngineView {
  name: string;
  parts: ViewFiles[];
  /** The table's columns: those a file lacks read as null. Needed where there may be no files. */
  columns?: EngineColumn[];
}

/** Writes the rows of one SELECT to one Parquet file, in the order of a unique key. */
export interface CopyStep {
  kind: "copy";
  /** `silver.partners`: named in errors; with `define_view` later steps read it under this name. */
  name: string;
  sql: string;
  /**
   * Unique key, checked. Empty: rows are ordered by all columns. Null: the query's own order, for sources that are
   * ordered already.
   */
  key: string[] | null;
  /** Absolute path of the file to write. */
  to: string;
  /** Also writes a file for each value of these columns, without them: `<to>.0`, `<to>.1`, … in the order of the values. */
  partition_by?: string[];
  /**
   * Writes a file for each slice of this column, the first of the key, in place of one: `<to>.0`, `<to>.1`, … Where the shift is null it
   * follows from the rows, and a table that is to be one file, or whose column is no whole number, is `to` alone. `before` is how the table
   * lies there already: where each row is made of one row of a divided table, slices that would be made of the same again are left out.
   */
  slices?: { by: string; shift: number | null; before?: SlicesBefore | "undivided" | null };
  /** The SQL merges rows into a table that is divided into slices: only those in which something changes are read, sorted and written. */
  merges_into?: SlicedView;
  define_view?: boolean;
  /** Also tells what the SQL reads. */
  lineage?: boolean;
}

export interface SlicesBefore {
  shift: number;
  /** `file`: absolute path; null where no later step reads it. */
  slices: { number: number; rows: number; made_of: string | null; file: string | null; sha256: string }[];
}

/** A divided table of which a step sees, under the view's name, the slices alone that the rows of `changes` touch. */
export interface SlicedView {
  view: string;
  changes: string;
  columns: EngineColumn[];
  /** Absolute paths. */
  files: { number: number; file: string }[];
}

/** Answers up to `max_rows` rows of one SELECT. */
export interface QueryStep {
  kind: "query";
  name: string;
  sql: string;
  max_rows: number;
}

export type EngineStep = CopyStep | QueryStep;

/** Settings are applied before the first step and then locked. */
export interface EngineSettings {
  memory_mb: number;
  threads: number;
  /** Spill folder. */
  temp_directory: string;
  /** Files that may be read. */
  read_files: string[];
  /** Folders that may be read and written. */
  directories: string[];
}

export interface EngineJob {
  settings: EngineSettings;
  views: EngineView[];
  /** DuckDB variables, read with `getvariable('name')`: VARCHAR or null. */
  variables: Record<string, string | null>;
  steps: EngineStep[];
}

/** Statistics of one column of a written file. Values are DuckDB's text: `12.50`, `2024-01-31`, `9223372036854775807`. */
export interface ColumnStatistics {
  min: string | null;
  max: string | null;
  /** Null where the file does not say. */
  null_count: number | null;
}

export interface WrittenFile {
  file: string;
  rows: number;
  bytes: number;
  sha256: string;
  statistics: Record<string, ColumnStatistics>;
}
/** What was written of a divided table, in the order of the slices. `made_of`: a hash of all that the file follows from, where that is known of one slice. */
export interface Slices {
  shift: number;
  files: (WrittenFile & { number: number; made_of?: string })[];
  /** Slices of the table as it was that no longer count: others stay as they are. Null where the table was not looked at. */
  touched: number[] | null;
}

/** Of a table in slices `rows` and `bytes` are those of the written ones; it has no file and hash as a whole. */
export interface CopyResult extends Pick<WrittenFile, "rows" | "bytes"> {
  kind: "copy";
  name: string;
  file: WrittenFile | null;
  columns: EngineColumn[];
  /** Of a step with `lineage`; null where the engine gives no parse tree of the SQL. */
  lineage?: TableLineage | null;
  /** The files of a step with `partition_by`; values are text as Delta writes them. */
  parts?: (WrittenFile & { values: Record<string, string | null> })[];
  /** Of a step with `slices`; absent where the table is one file. */
  slices?: Slices;
  seconds: number;
}

export interface QueryResult {
  kind: "query";
  name: string;
  columns: EngineColumn[];
  /** bigint, DECIMAL, dates and timestamps are strings; doubles that JSON has no word for are strings. */
  rows: Record<string, unknown>[];
  truncated: boolean;
  seconds: number;
}

export type StepResult = CopyResult | QueryResult;

/** One line of the child's answer. */
export type EngineMessage =
  | { event: "ready"; engine_version: string }
  | { event: "step_started"; index: number; name: string }
  | { event: "step"; index: number; result: StepResult }
  | { event: "failed"; code: string; message: string; name: string | null; line: number | null }
  | { event: "finished"; peak_memory_bytes: number; cpu_seconds: number };
