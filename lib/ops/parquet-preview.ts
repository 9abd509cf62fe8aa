import { parquetMetadataAsync, parquetRead, type AsyncBuffer, type SchemaElement } from "hyparquet";

export interface TablePreview {
  columns: { name: string; type: string }[];
  rows: (string | null)[][];
  total_rows: string;
}

/** Bytes of compressed column chunks that a preview may read: the first row group of a wide table can be large. */
const maximumRead = 64 * 1024 * 1024;

/**
 * The first rows of a Parquet file as text, read by ranges (footer, then the first row group). Decimals and 64-bit
 * integers are printed exactly. Returns null where the first row group is too large to be read for a look.
 */
export async function previewParquet(file: AsyncBuffer, limit: number): Promise<TablePreview | null> {
  const metadata = await parquetMetadataAsync(file);
  const [root, ...elements] = metadata.schema;
  const fields = topLevel(elements, root?.num_children ?? 0);
  const columns = fields.map((element) => ({ name: element.name, type: typeName(element) }));
  const total_rows = String(metadata.num_rows);
  const first = metadata.row_groups[0];
  if (first === undefined) return { columns, rows: [], total_rows };
  const size = first.columns.reduce((sum, column) => sum + Number(column.meta_data?.total_compressed_size ?? 0), 0);
  if (size > maximumRead) return null;
  const decimals = new Map<number, number>();
  for (const [index, element] of fields.entries()) {
    if (element.converted_type !== "DECIMAL" && element.logical_type?.type !== "DECIMAL") continue;
    decimals.set(index, element.scale ?? 0);
    // hyparquet would turn a decimal into a double: take the unscaled integer instead.
    delete element.converted_type;
    delete element.logical_type;
  }
  let rows: unknown[][] = [];
  await parquetRead({
    file, metadata, rowStart: 0, rowEnd: Math.min(limit, Number(first.num_rows)), rowFormat: "array", parsers,
    onComplete: (read) => {
      rows = read;
    },
  });
  return { columns, total_rows, rows: rows.map((row) => row.map((value, index) => printed(value, decimals.get(index)))) };
}

function topLevel(elements: readonly SchemaElement[], count: number): SchemaElement[] {
  const fields: SchemaElement[] = [];
  let next = 0;
  const skip = (): void => {
    const element = elements[next++];
    for (let child = 0; child < (element?.num_children ?? 0); child += 1) skip();
  };
  while (fields.length < count && next < elements.length) {
    fields.push(elements[next] as SchemaElement);
    skip();
  }
  return fields;
}

function typeName(element: SchemaElement): string {
  const logical = element.logical_type;
  if (element.num_children) return logical?.type ?? element.converted_type ?? "STRUCT";
  if (element.converted_type === "DECIMAL" || logical?.type === "DECIMAL") return `DECIMAL(${element.precision ?? 0},${element.scale ?? 0})`;
  if (logical?.type === "TIMESTAMP") return logical.isAdjustedToUTC ? "TIMESTAMPTZ" : "TIMESTAMP";
  const name = element.converted_type ?? logical?.type ?? element.type ?? "UNKNOWN";
  return sqlNames[name] ?? name;
}

/** Parquet's words in those of the engine that people read elsewhere. */
const sqlNames: Readonly<Record<string, string>> = {
  INT_64: "BIGINT", INT64: "BIGINT", INT_32: "INTEGER", INT32: "INTEGER", INT_16: "SMALLINT", INT_8: "TINYINT",
  UINT_64: "UBIGINT", UINT_32: "UINTEGER", UINT_16: "USMALLINT", UINT_8: "UTINYINT",
  UTF8: "VARCHAR", STRING: "VARCHAR", BYTE_ARRAY: "BLOB", FIXED_LEN_BYTE_ARRAY: "BLOB",
  TIMESTAMP_MILLIS: "TIMESTAMP", TIMESTAMP_MICROS: "TIMESTAMP", INT96: "TIMESTAMP",
};

const parsers = {
  timestampFromMilliseconds: (value: bigint) => instant(value * 1000n),
  timestampFromMicroseconds: instant,
  timestampFromNanoseconds: (value: bigint) => instant(value / 1000n),
  dateFromDays: (value: number) => iso(value * 86_400_000).slice(0, 10),
};

/** Microseconds since 1970 as ISO 8601 with every digit that is there. */
function instant(microseconds: bigint): string {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (microseconds - fraction) / 1_000_000n;
  const digits = fraction === 0n ? "" : `.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
  return `${iso(Number(seconds) * 1000).slice(0, -5)}${digits}Z`;
}

/** Beyond the years that Date can print (Postgres goes further), the number itself. */
function iso(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? `${milliseconds} ms     ` : date.toISOString();
}

function printed(value: unknown, scale: number | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (scale !== undefined) return decimalText(unscaled(value), scale);
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (typeof value === "object") return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item));
  return String(value);
}

function unscaled(value: unknown): bigint {
  if (value instanceof Uint8Array) return value.length === 0 ? 0n : BigInt.asIntN(value.length * 8, BigInt(`0x${Buffer.from(value).toString("hex")}`));
  return BigInt(value as number | bigint);
}

/** An unscaled integer and its scale as text: 1234, 2 → `12.34`. */
export function decimalText(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? "-" : ""}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ""}`;
}
