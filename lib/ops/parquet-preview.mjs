// @ts-check
// JavaScript, because Node runs it as it is, in a process of its own (parquet-child.mjs).
import { parquetMetadataAsync, parquetRead } from "hyparquet";

/** Bytes of compressed column chunks that a preview may read: the first row group of a wide table can be large. */
const maximumRead = 64 * 1024 * 1024;

/**
 * The first rows of a Parquet file as text, read by ranges (footer, then the first row group). Decimals and 64-bit
 * integers are printed exactly. Returns null where the first row group is too large to be read for a look.
 * @param {import("hyparquet").AsyncBuffer} file
 * @param {import("./parquet-preview.mjs").PreviewSize} size
 * @returns {Promise<import("./parquet-preview.mjs").TablePreview | null>}
 */
export async function previewParquet(file, { rows: limit, columns: mostColumns, cell, table }) {
  const metadata = await parquetMetadataAsync(file);
  const [root, ...elements] = metadata.schema;
  const all = topLevel(elements, root?.num_children ?? 0);
  const fields = all.slice(0, mostColumns);
  const columns = fields.map((element) => ({ name: cut(element.name, cell), type: typeName(element) }));
  const total_rows = String(metadata.num_rows);
  const first = metadata.row_groups[0];
  if (first === undefined) return { columns, rows: [], total_rows };
  const size = first.columns.reduce((sum, column) => sum + Number(column.meta_data?.total_compressed_size ?? 0), 0);
  if (size > maximumRead) return null;
  /** @type {Map<number, number>} */
  const decimals = new Map();
  for (const [index, element] of fields.entries()) {
    if (element.converted_type !== "DECIMAL" && element.logical_type?.type !== "DECIMAL") continue;
    decimals.set(index, element.scale ?? 0);
    // hyparquet would turn a decimal into a double: take the unscaled integer instead.
    delete element.converted_type;
    delete element.logical_type;
  }
  /** @type {unknown[][]} */
  let rows = [];
  await parquetRead({
    file, metadata, rowStart: 0, rowEnd: Math.min(limit, Number(first.num_rows)), rowFormat: "array", parsers,
    ...(fields.length < all.length ? { columns: fields.map((element) => element.name) } : {}),
    onComplete: (read) => {
      rows = read;
    },
  });
  let left = table;
  const cells = rows.map((row) => row.map((value, index) => cut(printed(value, decimals.get(index)), cell)));
  const beyond = cells.findIndex((row) => (left -= row.reduce((sum, text) => sum + (text?.length ?? 0), 0)) < 0);
  return { columns, total_rows, rows: beyond < 0 ? cells : cells.slice(0, beyond) };
}

/**
 * @template {string | null} Text
 * @param {Text} text
 * @param {number} most
 * @returns {Text}
 */
function cut(text, most) {
  return /** @type {Text} */ (text !== null && text.length > most ? `${text.slice(0, most)}…` : text);
}

/** @param {readonly import("hyparquet").SchemaElement[]} elements @param {number} count */
function topLevel(elements, count) {
  /** @type {import("hyparquet").SchemaElement[]} */
  const fields = [];
  let next = 0;
  const skip = () => {
    const element = elements[next++];
    for (let child = 0; child < (element?.num_children ?? 0); child += 1) skip();
  };
  while (fields.length < count && next < elements.length) {
    fields.push(/** @type {import("hyparquet").SchemaElement} */ (elements[next]));
    skip();
  }
  return fields;
}

/** @param {import("hyparquet").SchemaElement} element @returns {string} */
function typeName(element) {
  const logical = element.logical_type;
  if (element.num_children) return logical?.type ?? element.converted_type ?? "STRUCT";
  if (element.converted_type === "DECIMAL" || logical?.type === "DECIMAL") return `DECIMAL(${element.precision ?? 0},${element.scale ?? 0})`;
  if (logical?.type === "TIMESTAMP") return logical.isAdjustedToUTC ? "TIMESTAMPTZ" : "TIMESTAMP";
  const name = element.converted_type ?? logical?.type ?? element.type ?? "UNKNOWN";
  return sqlNames[name] ?? name;
}

/** Parquet's words in those of the engine that people read elsewhere. @type {Readonly<Record<string, string>>} */
const sqlNames = {
  INT_64: "BIGINT", INT64: "BIGINT", INT_32: "INTEGER", INT32: "INTEGER", INT_16: "SMALLINT", INT_8: "TINYINT",
  UINT_64: "UBIGINT", UINT_32: "UINTEGER", UINT_16: "USMALLINT", UINT_8: "UTINYINT",
  UTF8: "VARCHAR", STRING: "VARCHAR", BYTE_ARRAY: "BLOB", FIXED_LEN_BYTE_ARRAY: "BLOB",
  TIMESTAMP_MILLIS: "TIMESTAMP", TIMESTAMP_MICROS: "TIMESTAMP", INT96: "TIMESTAMP",
};

const parsers = {
  /** @param {bigint} value */
  timestampFromMilliseconds: (value) => instant(value * 1000n),
  timestampFromMicroseconds: instant,
  /** @param {bigint} value */
  timestampFromNanoseconds: (value) => instant(value / 1000n),
  /** @param {number} value */
  dateFromDays: (value) => iso(value * 86_400_000).slice(0, 10),
};

/** Microseconds since 1970 as ISO 8601 with every digit that is there. @param {bigint} microseconds */
function instant(microseconds) {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (microseconds - fraction) / 1_000_000n;
  const digits = fraction === 0n ? "" : `.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
  return `${iso(Number(seconds) * 1000).slice(0, -5)}${digits}Z`;
}

/** Beyond the years that Date can print (Postgres goes further), the number itself. @param {number} milliseconds */
function iso(milliseconds) {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? `${milliseconds} ms     ` : date.toISOString();
}

/** @param {unknown} value @param {number | undefined} scale @returns {string | null} */
function printed(value, scale) {
  if (value === null || value === undefined) return null;
  if (scale !== undefined) return decimalText(unscaled(value), scale);
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (typeof value === "object") return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? String(item) : item));
  return String(value);
}

/** @param {unknown} value @returns {bigint} */
function unscaled(value) {
  if (value instanceof Uint8Array) return value.length === 0 ? 0n : BigInt.asIntN(value.length * 8, BigInt(`0x${Buffer.from(value).toString("hex")}`));
  return BigInt(/** @type {number | bigint} */ (value));
}

/** An unscaled integer and its scale as text: 1234, 2 → `12.34`. @param {bigint} value @param {number} scale */
export function decimalText(value, scale) {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? "-" : ""}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ""}`;
}
