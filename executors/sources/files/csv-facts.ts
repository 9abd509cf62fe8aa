import { createReadStream } from "node:fs";
import type { CsvDialect } from "../../../contracts/pipeline-files.ts";
import { CodedError } from "../../storage/coded-error.ts";

/** Bytes: the reader holds whole rows in memory. */
const LONGEST_ROW = 64 << 20;

export interface CsvFacts {
  /** The fields of the first row; null for an empty file. */
  first: string[] | null;
  /** Bytes of the longest row, or more (at most those of a chunk), for the CSV reader. */
  longest_row: number;
  /** Whether a value holds a line's end: such a file is read by one thread, so that no row can be torn. */
  quoted_line_ends: boolean;
}

/** Looks through a CSV file (UTF-8) once, in constant memory. */
export async function csvFacts(file: string, name: string, { delimiter, quote }: Pick<CsvDialect, "delimiter" | "quote">): Promise<CsvFacts> {
  const mark = quote.charCodeAt(0);
  const head: Buffer[] = [];
  let ended = false;
  let quoted = false;
  let quoted_line_ends = false;
  let row = 0;
  let longest_row = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let end = -1;
    const last = quoted || chunk.indexOf(mark) >= 0 ? -1 : chunk.lastIndexOf(0x0a);
    if (last >= 0) {
      // Without a quote rows end where lines do, and none but the first is longer than the chunk.
      const first = chunk.indexOf(0x0a);
      longest_row = Math.max(longest_row, row + first + 1, last - first);
      row = chunk.length - last - 1;
      if (!ended) end = first;
    } else for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      row += 1;
      if (byte === mark) quoted = !quoted;
      else if (byte === 0x0a) {
        if (quoted) quoted_line_ends = true;
        else {
          if (row > longest_row) longest_row = row;
          row = 0;
          if (!ended && end < 0) end = at;
        }
      }
    }
    if (!ended) head.push(end < 0 ? chunk : chunk.subarray(0, end));
    if (row > LONGEST_ROW) throw new CodedError({ code: "source_rows_invalid", message: `A row has more than ${LONGEST_ROW >> 20} MiB`, place: name, remedy: "Check csv.quote of the table, and whether the file is CSV." });
    ended ||= end >= 0;
  }
  if (quoted) throw new CodedError({ code: "source_rows_invalid", message: "A quote is not closed before the file's end", place: name, remedy: "Correct the file, or csv.quote of the table." });
  const first = Buffer.concat(head).toString().replace(/\r$/, "");
  return { first: first === "" ? null : fields(first, delimiter, quote), longest_row: Math.max(longest_row, row), quoted_line_ends };
}

function fields(row: string, delimiter: string, quote: string): string[] {
  const found: string[] = [];
  let field = "";
  let quoted = false;
  for (let at = 0; at < row.length; at += 1) {
    const character = row[at]!;
    if (character === quote && quoted && row[at + 1] === quote) field += row[(at += 1)]!;
    else if (character === quote) quoted = !quoted;
    else if (character === delimiter && !quoted) {
      found.push(field);
      field = "";
    } else field += character;
  }
  return [...found, field];
}
