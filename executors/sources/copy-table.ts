import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { storageFault } from "../storage/file-storage.ts";
import { copyOut } from "./copy-out.ts";
import type { SourceColumn } from "./describe-table.ts";
import { sourceError } from "./source-error.ts";

/** A file of rows as CSV: no header, null is `\N`, text is quoted. */
export interface CsvFile {
  file: string;
  columns: SourceColumn[];
  rows: number;
  bytes: number;
  /** Bytes of the longest row, for the CSV reader. */
  longest_row: number;
}

/** What a masked column lands as, where it has a value. */
export const MASK = "***";

export interface CopyRequest {
  file: string;
  schema: string;
  table: string;
  columns: SourceColumn[];
  /** Which rows; null: all. */
  where: string | null;
  signal: AbortSignal;
  /** Called while rows come, with how many since the last time and their bytes. */
  onRead?: ((rows: number, bytes: number) => void) | undefined;
}

/** Copies rows of a table into a file. Values of masked columns do not leave the source. */
export async function copyTable(client: pg.Client, request: CopyRequest): Promise<CsvFile> {
  const { file, columns, where } = request;
  const list = columns.map(({ name, masked }) => (masked ? `case when ${quote(name)} is not null then '${MASK}' end as ${quote(name)}` : quote(name))).join(", ");
  const texts = columns.filter((column) => column.duckdb_type === "VARCHAR").map((column) => quote(column.name));
  const force = texts.length === 0 ? "" : `, force_quote (${texts.join(", ")})`;
  const from = `${quote(request.schema)}.${quote(request.table)}`;
  const { stream, figures } = copyOut(client, `copy (select ${list} from ${from}${where === null ? "" : ` where ${where}`}) to stdout (format csv, null '\\N'${force})`, request.onRead);
  try {
    await pipeline(stream, createWriteStream(file, { highWaterMark: 1 << 20 }), { signal: request.signal });
  } catch (error) {
    request.signal.throwIfAborted();
    throw sourceError(storageFault(error, file), `${request.schema}.${request.table}`);
  }
  return { file, columns, ...figures };
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
