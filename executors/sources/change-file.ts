import { appendFile, writeFile } from "node:fs/promises";
import { sliceOfKey } from "../engines/key-slices.ts";
import { storageFault } from "../storage/file-storage.ts";
import { type CompanyRows, landsByCompany } from "./company-rows.ts";
import { type CsvFile, MASK } from "./copy-table.ts";
import type { SourceColumn } from "./describe-table.ts";
import type { LoggedRelation, LoggedRow } from "./pgoutput.ts";

/** Columns of the file before those of the table: the change's place in the log, whether the key is gone, and the columns (their places in the table, with commas) that were not sent. */
export const CHANGE_COLUMNS = [{ name: "_log_place", duckdb_type: "BIGINT" }, { name: "_log_gone", duckdb_type: "BOOLEAN" }, { name: "_log_unsent", duckdb_type: "VARCHAR" }];

/** Text that waits before it is written. */
const FLUSH_BYTES = 1 << 18;

type Change =
  | { kind: "insert"; row: LoggedRow }
  | { kind: "update"; old: LoggedRow | null; whole: boolean; row: LoggedRow }
  | { kind: "delete"; old: LoggedRow };

export interface ChangeFile {
  /** How the log writes the table from here on. */
  relate(relation: LoggedRelation): void;
  /** False: the log alone cannot tell what the row is now; the table must be read whole. */
  add(change: Change): boolean;
  /** Resolves when all that was added is in the file, or when little of it waits. */
  flush(all?: boolean): Promise<void>;
  /** `touched`: the slices of the keys that changed, where the table is divided. */
  result(): { content: CsvFile; unsent: string[]; touched: number[] | null };
}

export interface ChangeFileOptions {
  file: string;
  columns: SourceColumn[];
  key: string[];
  /** How what landed is divided by its key; null: not at all. */
  shift: number | null;
  /** Which rows land; null: all. */
  company_rows: CompanyRows | null;
}

/** Writes the changes of one table, in the order of the log, as CSV like that of `copyTable`. Values of masked columns are not written. */
export async function openChangeFile({ file, columns, key, shift, company_rows }: ChangeFileOptions): Promise<ChangeFile> {
  await writeFile(file, "").catch(fault);
  const keys = key.map((name) => columns.findIndex((column) => column.name === name));
  const unsent = new Set<number>();
  const touched = new Set<number>();
  const figures = { rows: 0, bytes: 0, longest_row: 0 };
  let places: number[] | null = null;
  let waiting: string[] = [];
  let waiting_bytes = 0;

  function write(gone: boolean, row: LoggedRow): void {
    const missing = row.flatMap((value, index) => (value === undefined ? [index] : []));
    missing.forEach((index) => unsent.add(index));
    if (shift !== null) touched.add(sliceOfKey(row[keys[0]!]!, shift));
    const values = row.map((value, index) => csvValue(value, columns[index]!));
    const line = `${[String(figures.rows), String(gone), `"${missing.join(",")}"`, ...values].join(",")}\n`;
    const bytes = Buffer.byteLength(line);
    figures.rows += 1;
    figures.bytes += bytes;
    figures.longest_row = Math.max(figures.longest_row, bytes);
    waiting.push(line);
    waiting_bytes += bytes;
  }
  const landed = (row: LoggedRow): LoggedRow => places!.map((place) => row[place]);
  const lands = (row: LoggedRow): boolean => company_rows === null || landsByCompany(company_rows, columns, row);
  const keyOf = (row: LoggedRow): LoggedRow => keys.map((index) => row[index]);
  /** Only the key: that is all the log has of a row that went. */
  const goneRow = (row: LoggedRow): LoggedRow => columns.map((_, index) => (keys.includes(index) ? row[index] : null));

  return {
    relate(relation) {
      const found = columns.map((column) => relation.columns.findIndex(({ name, type_oid, typmod }) => name === column.name && type_oid === column.type_oid && typmod === column.typmod));
      places = found.includes(-1) ? null : found;
    },
    add(change) {
      if (places === null) return false;
      if (change.kind === "insert") {
        const row = landed(change.row);
        if (lands(row)) write(false, masked(row, columns));
        return true;
      }
      const old = change.old === null ? null : landed(change.old);
      if (change.kind === "delete") {
        write(true, goneRow(old!));
        return true;
      }
      const row = landed(change.row).map((value, index) => (value === undefined && change.whole ? old![index] : value));
      const present = keyOf(row);
      if (present.includes(undefined)) return false;
      const moved = old !== null && keyOf(old).some((value, index) => value !== present[index]);
      // What was not sent stands under the former key, which other changes may have used since.
      if (moved && row.includes(undefined)) return false;
      if (moved) write(true, goneRow(old));
      // A row that went to another company may have landed before.
      if (lands(row)) write(false, masked(row, columns));
      else write(true, goneRow(row));
      return true;
    },
    async flush(all = false) {
      if (waiting_bytes === 0 || (!all && waiting_bytes < FLUSH_BYTES)) return;
      const text = waiting.join("");
      [waiting, waiting_bytes] = [[], 0];
      await appendFile(file, text).catch(fault);
    },
    result: () => ({ content: { file, columns, ...figures }, unsent: [...unsent].map((index) => columns[index]!.name), touched: shift === null ? null : [...touched].toSorted((a, b) => a - b) }),
  };

  function fault(error: unknown): never {
    throw storageFault(error, file);
  }
}

/** A value that was not sent is a large one, so it is one. */
function masked(row: LoggedRow, columns: SourceColumn[]): LoggedRow {
  return row.map((value, index) => (columns[index]!.masked && value !== null ? MASK : value));
}

function csvValue(value: string | null | undefined, { duckdb_type }: SourceColumn): string {
  if (value === null || value === undefined) return "\\N";
  return duckdb_type === "VARCHAR" ? `"${value.replaceAll('"', '""')}"` : value;
}
