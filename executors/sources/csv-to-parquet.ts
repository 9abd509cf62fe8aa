import type { CopyStep } from "../engines/duckdb-job.ts";
import { identifier, literal, sameKey, tableName } from "../engines/duckdb-sql.ts";
import type { CsvFile, ReadTable } from "./read-tables.ts";

/**
 * The engine step that turns a table's CSV into Parquet in key order. Where only changed rows were read, they are merged by
 * key into the rows that landed before (the view of that name), of which those whose key is gone from the source are left
 * out: the file is the same, byte for byte, as if the whole table had been read. `shift` divides it as it was; null: as its rows ask for.
 */
export function csvToParquet(table: ReadTable, options: { name: string; to: string; shift: number | null }): CopyStep {
  const { content, present, key } = table;
  if (content === null) throw new Error(`${table.name} is not in the source`);
  const step = { kind: "copy", name: options.name, key, to: options.to, slices: { by: key[0]!, shift: options.shift } } as const;
  if (present === null) return { ...step, sql: csvRows(content) };
  const columns = content.columns.map((column) => `landed.${identifier(column.name)}`).join(", ");
  const sql = `with changed as materialized (${csvRows(content)}), present as materialized (${csvRows(present)})
    select ${columns} from ${tableName(options.name)} landed
     where exists (select 1 from present where ${sameKey("landed", "present", key)}) and not exists (select 1 from changed where ${sameKey("landed", "changed", key)})
    union all select * from changed`;
  return { ...step, sql };
}

/**
 * The rows of a CSV file. Nothing is guessed: every column has its type, only an unquoted `\N` is null, and one thread reads,
 * so that quoted newlines cannot be torn.
 */
function csvRows({ file, columns, longest_row }: CsvFile): string {
  const types = columns.map((column) => `${literal(column.name)}: ${literal(column.duckdb_type)}`);
  // The reader needs room for whole rows; its default of 2 MB is too little for an attachment.
  const longest = Math.max(longest_row + 1, 2 << 20);
  return `select ${columns.map((column) => identifier(column.name)).join(", ")} from read_csv(${literal(file)},
    auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '\\N', allow_quoted_nulls = false,
    parallel = false, strict_mode = true, max_line_size = ${longest}, buffer_size = ${longest * 2}, columns = {${types.join(", ")}})`;
}
