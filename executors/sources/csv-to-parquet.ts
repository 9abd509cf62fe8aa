import type { CopyStep } from "../engines/duckdb-job.ts";
import { identifier, literal } from "../engines/duckdb-sql.ts";
import type { ReadTable } from "./read-tables.ts";

/**
 * The engine step that turns a table's CSV into Parquet in key order. Nothing is guessed: every column has its type,
 * only an unquoted `\N` is null, and one thread reads, so that quoted newlines cannot be torn.
 */
export function csvToParquet(table: ReadTable, options: { name: string; to: string }): CopyStep {
  if (table.file === null) throw new Error(`${table.name} is not in the source`);
  const columns = table.columns.map((column) => `${literal(column.name)}: ${literal(column.duckdb_type)}`);
  // The reader needs room for whole rows; its default of 2 MB is too little for an attachment.
  const longest = Math.max(table.longest_row + 1, 2 << 20);
  const sql = `select ${table.columns.map((column) => identifier(column.name)).join(", ")} from read_csv(${literal(table.file)},
    auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '\\N', allow_quoted_nulls = false,
    parallel = false, strict_mode = true, max_line_size = ${longest}, buffer_size = ${longest * 2}, columns = {${columns.join(", ")}})`;
  return { kind: "copy", name: options.name, sql, key: table.key, to: options.to };
}
