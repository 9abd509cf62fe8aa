import type { CopyStep } from "../engines/duckdb-job.ts";
import { identifier, literal, sameKey, tableName } from "../engines/duckdb-sql.ts";
import { CHANGE_COLUMNS } from "./change-file.ts";
import type { CsvFile } from "./copy-table.ts";
import type { ReadTable } from "./read-tables.ts";

/**
 * The engine step that turns a table's CSV into Parquet in key order. Where only changes were read, they are merged by
 * key into the rows that landed before (the view of that name), of which those whose key is gone from the source are left
 * out: the file is the same, byte for byte, as if the whole table had been read. `shift` divides it as it was; null: as its rows ask for.
 */
export function csvToParquet(table: ReadTable, options: { name: string; to: string; shift: number | null }): CopyStep {
  const { content, present, logged, key } = table;
  if (content === null) throw new Error(`${table.name} is not in the source`);
  const step = { kind: "copy", name: options.name, key, to: options.to, slices: { by: key[0]!, shift: options.shift } } as const;
  if (logged !== null) return { ...step, sql: loggedRows(options.name, content, logged.unsent, key) };
  if (present === null) return { ...step, sql: csvRows(content) };
  const columns = content.columns.map((column) => `landed.${identifier(column.name)}`).join(", ");
  const sql = `with changed as materialized (${csvRows(content)}), present as materialized (${csvRows(present)})
    select ${columns} from ${tableName(options.name)} landed
     where exists (select 1 from present where ${sameKey("landed", "present", key)}) and not exists (select 1 from changed where ${sameKey("landed", "changed", key)})
    union all select * from changed`;
  return { ...step, sql };
}

/**
 * The rows of a table after what the log tells: of each key its last change counts, all others stay as they landed. A value that was
 * not sent is the newest one that was, or else the landed one.
 */
function loggedRows(name: string, content: CsvFile, unsent: string[], key: string[]): string {
  const changes = csvRows({ ...content, columns: [...CHANGE_COLUMNS, ...content.columns] });
  const columns = content.columns.map((column) => column.name);
  const latest = (where: string): string => `select * from change ${where} qualify row_number() over (partition by ${key.map(identifier).join(", ")} order by _log_place desc) = 1`;
  const isUnsent = (from: string, column: string): string => `list_contains(string_split(${from}._log_unsent, ','), '${columns.indexOf(column)}')`;
  const sent = unsent.map((column, index) => ({ column, from: `sent_${index}` }));
  const values = columns.map((column) => {
    const older = sent.find((each) => each.column === column)?.from;
    if (older === undefined) return `last_change.${identifier(column)}`;
    return `case when not ${isUnsent("last_change", column)} then last_change.${identifier(column)} when ${older}._log_place is not null then ${older}.${identifier(column)} when before._log_landed then before.${identifier(column)} else error('the registered version lacks a row whose change was logged; run this ingest once with mode: full') end as ${identifier(column)}`;
  });
  const landed = tableName(name);
  const join = sent.length === 0 ? "" : ` left join (select *, true as _log_landed from ${landed}) before on ${sameKey("last_change", "before", key)}`;
  return `with change as materialized (${changes}), last_change as materialized (${latest("")})${sent.map(({ column, from }) => `, ${from} as (${latest(`where not _log_gone and not ${isUnsent("change", column)}`)})`).join("")}
    select ${columns.map((column) => `landed.${identifier(column)}`).join(", ")} from ${landed} landed where not exists (select 1 from last_change where ${sameKey("landed", "last_change", key)})
    union all select ${values.join(", ")} from last_change${join}${sent.map(({ from }) => ` left join ${from} on ${sameKey("last_change", from, key)}`).join("")} where not last_change._log_gone`;
}

/**
 * The rows of a CSV file. Nothing is guessed: every column has its type, only an unquoted `\N` is null, and one thread reads,
 * so that quoted newlines cannot be torn.
 */
function csvRows({ file, columns, longest_row }: Pick<CsvFile, "file" | "longest_row"> & { columns: { name: string; duckdb_type: string }[] }): string {
  const types = columns.map((column) => `${literal(column.name)}: ${literal(column.duckdb_type)}`);
  // The reader needs room for whole rows; its default of 2 MB is too little for an attachment.
  const longest = Math.max(longest_row + 1, 2 << 20);
  return `select ${columns.map((column) => identifier(column.name)).join(", ")} from read_csv(${literal(file)},
    auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '\\N', allow_quoted_nulls = false,
    parallel = false, strict_mode = true, max_line_size = ${longest}, buffer_size = ${longest * 2}, columns = {${types.join(", ")}})`;
}
