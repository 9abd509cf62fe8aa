import type { SchemaElement } from "hyparquet";
import { ByteWriter } from "hyparquet-writer/src/bytewriter.js";
import { ParquetWriter } from "hyparquet-writer/src/parquet-writer.js";
import type { NewFile } from "../core/scratch.ts";
import { CodedError } from "../storage/coded-error.ts";

/** Text of one value → what the Parquet column holds. */
interface Column {
  element: SchemaElement;
  stored: (text: string) => unknown;
}
export interface ParquetRows {
  /** Rows of texts (null is SQL's), values in the order of the columns. Resolves when they are in the file. */
  write(rows: (string | null)[][]): Promise<void>;
  finish(): Promise<void>;
}

/**
 * Writes rows as Parquet in plain JavaScript, so where no DuckDB is. Each `write` is one row group: memory is that of its
 * rows. Types are DuckDB's words; values come as PostgreSQL prints them. Equal rows in equal groups give equal bytes.
 */
export function parquetRows(file: NewFile, columns: { name: string; type: string }[]): ParquetRows {
  const bytes: ByteWriter & { flush?: () => Promise<void> } = new ByteWriter(1 << 16);
  bytes.flush = async () => {
    const chunk = bytes.getBytes().slice();
    bytes.index = 0;
    if (chunk.byteLength > 0) await file.write(chunk);
  };
  const kinds = columns.map(({ name, type }) => columnOf(name, type));
  const writer = new ParquetWriter({
    writer: bytes, createdBy: "lakehouse-control-room",
    schema: [{ name: "root", num_children: columns.length }, ...kinds.map(({ element }) => element)],
  });
  return {
    async write(rows) {
      if (rows.length === 0) return;
      const columnData = columns.map(({ name }, index) => ({
        name,
        data: rows.map((row) => {
          const text = row[index] ?? null;
          return text === null ? null : kinds[index]?.stored(text);
        }),
      }));
      await writer.write({ columnData, rowGroupSize: rows.length });
    },
    async finish() {
      await writer.finish();
      await bytes.flush?.();
    },
  };
}

function columnOf(name: string, type: string): Column {
  const make = (element: Omit<SchemaElement, "name" | "repetition_type">, stored: Column["stored"]): Column => ({ element: { name, repetition_type: "OPTIONAL", ...element }, stored });
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(type);
  if (decimal !== null) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
    const physical = precision <= 9 ? { type: "INT32" as const } : precision <= 18 ? { type: "INT64" as const } : { type: "FIXED_LEN_BYTE_ARRAY" as const, type_length: 16 };
    return make({ ...physical, converted_type: "DECIMAL", precision, scale }, (text) => unscaled(name, text, scale));
  }
  switch (type) {
    case "INTEGER": return make({ type: "INT32" }, Number);
    case "BIGINT": return make({ type: "INT64" }, BigInt);
    case "DOUBLE": return make({ type: "DOUBLE" }, doubleOf);
    case "BOOLEAN": return make({ type: "BOOLEAN" }, (text) => text === "t");
    case "DATE": return make({ type: "INT32", converted_type: "DATE" }, (text) => Number(microseconds(name, `${text} 00:00:00+00`) / 86_400_000_000n));
    case "TIMESTAMP WITH TIME ZONE":
      return make({ type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" } }, (text) => microseconds(name, text));
    default: return make({ type: "BYTE_ARRAY", converted_type: "UTF8" }, (text) => text);
  }
}

function doubleOf(text: string): number {
  return text === "Infinity" ? Infinity : text === "-Infinity" ? -Infinity : Number(text);
}

/** `12.5` with scale 2 → 1250n. */
function unscaled(name: string, text: string, scale: number): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (parts === null || (parts[3] ?? "").length > scale) throw notHeld(name, "a numeric that is no number (NaN, Infinity)");
  const digits = BigInt(`${parts[2]}${(parts[3] ?? "").padEnd(scale, "0")}`);
  return parts[1] === "-" ? -digits : digits;
}

/** `2024-01-31 12:34:56.5+00` (always UTC) → microseconds since 1970. */
function microseconds(name: string, text: string): bigint {
  const parts = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/.exec(text);
  if (parts === null) throw notHeld(name, "a time outside the years 1 to 9999, or infinity");
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  // Date.UTC takes years below 100 for those of the last century.
  const moment = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  moment.setUTCFullYear(year, month - 1, day);
  return BigInt(moment.getTime()) * 1000n + BigInt((parts[7] ?? "").padEnd(6, "0") || "0");
}

function notHeld(column: string, what: string): CodedError {
  return new CodedError({ code: "lake_unsupported", message: `The column holds ${what}`, place: column, remedy: "Cast the column to text, or leave such rows out." });
}
