import { createReadStream } from "node:fs";
import type { CopyStep, QueryResult, QueryStep } from "../../engines/duckdb-job.ts";
import { identifier, literal } from "../../engines/duckdb-sql.ts";
import { CodedError } from "../../storage/coded-error.ts";
import type { FileRows, LandedColumn } from "./file-rows.ts";

/** Rows of rejects that an error names. */
const SHOWN = 5;

function found(rejects: string, columns: string): string {
  return `select ${columns} from ${identifier(rejects)} rejected join ${identifier(`${rejects}_scan`)} scan using (scan_id, file_id)`;
}

/** The first rows that did not fit; run after the rows were read. */
export function firstRejects(rejects: string): QueryStep {
  return { kind: "query", name: rejects, sql: `${found(rejects, "file_path, line, line_byte_position, byte_position, column_idx, error_type")} order by all`, max_rows: SHOWN };
}

/** All rows that did not fit, with the reason and their text, keyed by file and row. */
export function rejectedStep(name: string, rejects: string, files: FileRows[], columns: LandedColumn[], to: string): CopyStep {
  const names = files.map((file) => `(${literal(file.file)}, ${literal(file.name)}, ${file.dialect.header && !file.numbered ? 1 : 0})`);
  const places = files.flatMap((file) => file.columns.map((from, at) => `(${literal(file.file)}, ${at + 1 + Number(file.numbered)}, ${literal(columns.find((column) => column.from === from)?.name ?? from)})`));
  return {
    kind: "copy", name, key: ["_file", "_row"], to,
    sql: `select names.name as "_file", (line - head)::bigint as "_row", string_agg(distinct coalesce(places.name || ': ', '') || lower(error_type), '; ' order by coalesce(places.name || ': ', '') || lower(error_type)) as "_reason", min(csv_line) as "_content"
      from (${found(rejects, "file_path, line, column_idx, error_type, csv_line")}) wrong
      join (values ${names.join(", ")}) names(file, name, head) on names.file = file_path
      left join (values ${places.length === 0 ? "('', 0, '')" : places.join(", ")}) places(file, position, name) on places.file = file_path and places.position = column_idx and error_type = 'CAST'
     group by all`,
  };
}

/** Says where and what, never which value. Null where all rows fit. */
export async function rejectError({ rows, truncated }: QueryResult, files: FileRows[], columns: LandedColumn[]): Promise<CodedError | null> {
  if (rows.length === 0) return null;
  const places = await Promise.all(rows.map(async (row) => {
    const file = files.find((each) => each.file === row["file_path"])!;
    // Only of a value that does not convert the engine knows the column.
    const from = row["error_type"] !== "CAST" ? undefined : file.columns[Number(row["column_idx"]) - 1 - Number(file.numbered)];
    const column = columns.find((each) => each.from === from);
    const [line, start, byte] = [Number(row["line"]), Number(row["line_byte_position"]), Number(row["byte_position"])];
    // The engine counts rows; a value may hold line ends.
    const where = file.numbered ? `row ${line}` : `line ${file.one_thread ? await lineAt(file.file, start) : line}, column ${byte - start + 1}`;
    return `${file.name}, ${where}${column === undefined ? "" : ` (${column.name})`}: ${wrong(String(row["error_type"]), column)}`;
  }));
  return new CodedError({
    code: "source_rows_invalid", message: `Rows do not fit the columns: ${places.join("; ")}${truncated ? "; …" : ""}`, place: files[0]!.name,
    remedy: "Correct the file or the column's type, or take such rows out with bad_rows: quarantine. Nothing was landed.",
  });
}

function wrong(type: string, column: LandedColumn | undefined): string {
  switch (type) {
    case "CAST": return `is no ${(column?.type ?? "value").toLowerCase()}`;
    case "MISSING COLUMNS": return "the row has too few values";
    case "TOO MANY COLUMNS": return "the row has too many values";
    default: return type.toLowerCase();
  }
}

/** The line of a byte, both from 1. */
async function lineAt(file: string, byte: number): Promise<number> {
  let line = 1;
  if (byte > 1) for await (const chunk of createReadStream(file, { end: byte - 2 }) as AsyncIterable<Buffer>) for (const each of chunk) if (each === 0x0a) line += 1;
  return line;
}
