import type { CsvDialect, FileColumn } from "../../../contracts/pipeline-files.ts";
import { identifier, literal } from "../../engines/duckdb-sql.ts";

/** A column as it lands: its DuckDB type, and its name in the files. */
export interface LandedColumn {
  name: string;
  type: string;
  from: string;
}

/** One file that the engine can read. */
export interface FileRows {
  /** Its name in the source. */
  name: string;
  /** Absolute path on this machine. */
  file: string;
  format: "csv" | "parquet";
  /** Names of its columns in their order; of a CSV file without a header those of the list. */
  columns: string[];
  /** CSV only. */
  longest_row: number;
  one_thread: boolean;
  dialect: CsvDialect;
  /** Made of JSON: no header, null is an unquoted `\N`, and the first column is the row's number. */
  numbered: boolean;
}

const WORDS: Record<string, string> = { boolean: "BOOLEAN", integer: "INTEGER", bigint: "BIGINT", double: "DOUBLE", date: "DATE", timestamp: "TIMESTAMP WITH TIME ZONE", text: "VARCHAR" };

export function declaredColumns(columns: FileColumn[]): LandedColumn[] {
  return columns.map(({ name, type, from }) => ({ name, type: WORDS[type] ?? type.toUpperCase(), from: from ?? name }));
}

export interface RowsOptions {
  /** Adds `_file` and `_row`. */
  with_place: boolean;
  /** The engine's tables for rows that do not fit; null: such a row fails the step. */
  rejects: string | null;
  /** A key of which the last row counts; null: all do. */
  last_of: string[] | null;
}

/** The rows of files, in the order of the files where that matters, columns that a file lacks being null. */
export function rowsOf(files: FileRows[], columns: LandedColumn[], { with_place, rejects, last_of }: RowsOptions): string {
  const shape = [...columns, ...(with_place ? [{ name: "_file", type: "VARCHAR" }, { name: "_row", type: "BIGINT" }] : [])];
  const empty = `select ${shape.map(({ name, type }) => `null::${type} as ${identifier(name)}`).join(", ")} where false`;
  const sources = files[0]?.format === "parquet" ? [files] : files.map((file) => [file]);
  const parts = sources.map((group) => {
    const file = group[0]!;
    const place = with_place ? `, ${fileName(group)} as "_file", ${rowNumber(file)} as "_row"` : "";
    const items = columns.map(({ name, type, from }) => {
      const at = file.columns.indexOf(from);
      return `${at < 0 ? `null::${type}` : file.format === "csv" ? `c${at}` : `cast(${identifier(from)} as ${type})`} as ${identifier(name)}`;
    });
    const last = last_of === null ? "" : ` qualify row_number() over (partition by ${last_of.map(identifier).join(", ")} order by ${rowNumber(file)} desc) = 1`;
    return `select ${items.join(", ")}${place} from ${file.format === "csv" ? csv(file, columns, rejects) : parquet(group)}${last}`;
  });
  return [empty, ...parts].join("\nunion all by name ");
}

function rowNumber(file: FileRows): string {
  return file.format === "parquet" ? "file_row_number + 1" : file.numbered ? "n" : "row_number() over ()";
}

/** Read together: the engine gives a column that some lack to all. */
function parquet(files: FileRows[]): string {
  return `read_parquet([${files.map(({ file }) => literal(file)).join(", ")}], union_by_name = true, filename = "_local", file_row_number = true)`;
}

function fileName(files: FileRows[]): string {
  if (files.length === 1) return literal(files[0]!.name);
  return `map {${files.map(({ file, name }) => `${literal(file)}: ${literal(name)}`).join(", ")}}["_local"]`;
}

function csv({ file, columns: names, longest_row, one_thread, dialect, numbered }: FileRows, columns: LandedColumn[], rejects: string | null): string {
  const types = names.map((from, at) => `c${at}: ${literal(columns.find((column) => column.from === from)?.type ?? "VARCHAR")}`);
  // The reader needs room for whole rows, its default is 2 MB.
  const longest = Math.max(longest_row + 1, 2 << 20);
  const options = [
    "auto_detect = false", `header = ${dialect.header && !numbered}`, `delim = ${literal(dialect.delimiter)}`, `quote = ${literal(dialect.quote)}`, `escape = ${literal(dialect.quote)}`,
    `nullstr = ${literal(numbered ? "\\N" : dialect.null_text)}`, `allow_quoted_nulls = ${!numbered}`, "strict_mode = true", `parallel = ${!one_thread}`, `max_line_size = ${longest}`, `buffer_size = ${longest * 2}`,
    ...(dialect.decimal_separator === "." ? [] : [`decimal_separator = ${literal(dialect.decimal_separator)}`]),
    ...(dialect.date_format === undefined ? [] : [`dateformat = ${literal(dialect.date_format)}`]),
    ...(dialect.timestamp_format === undefined ? [] : [`timestampformat = ${literal(dialect.timestamp_format)}`]),
    ...(rejects === null ? [] : ["store_rejects = true", `rejects_table = ${literal(rejects)}`, `rejects_scan = ${literal(`${rejects}_scan`)}`, "rejects_limit = 0"]),
    `columns = {${[...(numbered ? ["n: 'BIGINT'"] : []), ...types].join(", ")}}`,
  ];
  return `read_csv(${literal(file)}, ${options.join(", ")})`;
}

/** Which type every value of each column has, of those in which its text stays what it is: one row, a column for each. */
export function inferSql(files: FileRows[], names: string[]): string {
  const rows = rowsOf(files, names.map((name, at) => ({ name: `v${at}`, type: "VARCHAR", from: name })), { with_place: false, rejects: null, last_of: null });
  const all = (pattern: string, column: string): string => `bool_and(regexp_full_match(${column}, ${literal(pattern)}))`;
  const items = names.map((_, at) => {
    const column = `v${at}`;
    return `case when count(${column}) = 0 then 'VARCHAR'
      when ${all("true|false", column)} then 'BOOLEAN'
      when ${all("0|-?[1-9][0-9]{0,17}", column)} then 'BIGINT'
      when ${all("-?(0|[1-9][0-9]{0,28})(\\.[0-9]{1,9})?", column)} then 'DECIMAL(38,9)'
      when ${all("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?", column)} then 'DOUBLE'
      when ${all("[0-9]{4}-[0-9]{2}-[0-9]{2}", column)} and bool_and(try_cast(${column} as date) is not null) then 'DATE'
      when ${all("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?(Z|[-+][0-9]{2}(:?[0-9]{2})?)?", column)} and bool_and(try_cast(${column} as timestamptz) is not null) then 'TIMESTAMP WITH TIME ZONE'
      else 'VARCHAR' end as ${column}`;
  });
  return `select ${items.join(",\n")} from (${rows})`;
}

/** How a Parquet column lands: every type that a lake table lacks in the one that holds its values. */
export function landedParquet(type: string): string {
  if (/^(BOOLEAN|TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE|DATE|VARCHAR|BLOB|DECIMAL\(.*\)|TIMESTAMP WITH TIME ZONE)$/.test(type)) return type;
  if (type.startsWith("TIMESTAMP")) return "TIMESTAMP WITH TIME ZONE";
  return { HUGEINT: "DECIMAL(38,0)", UBIGINT: "DECIMAL(20,0)", UINTEGER: "BIGINT", USMALLINT: "INTEGER", UTINYINT: "SMALLINT" }[type] ?? "VARCHAR";
}
