import type { LakeColumn } from "./delta-types.ts";

/** What the engine says of a column of one file; values are DuckDB's text. */
export interface ColumnStatistics {
  min: string | null;
  max: string | null;
  null_count: number | null;
}

/** Longer strings are left out: a bound must be short, and a shortened maximum would be wrong. */
const LONGEST_STRING = 64;

/**
 * Delta's per-file `stats`: JSON as text. Numbers are copied digit by digit, never through a double: 2^63 - 1 stays
 * what it is. Bounds that Delta cannot hold exactly (infinities, booleans, long strings) are left out.
 */
export function statsText(rows: number, columns: LakeColumn[], statistics: Record<string, ColumnStatistics>): string {
  const bounds = { min: [] as string[], max: [] as string[], nulls: [] as string[] };
  for (const column of columns) {
    const found = statistics[column.name];
    if (found === undefined) continue;
    const key = JSON.stringify(column.name);
    const min = found.min === null ? null : boundText(column.type, found.min, "min");
    const max = found.max === null ? null : boundText(column.type, found.max, "max");
    if (min !== null && max !== null) {
      bounds.min.push(`${key}:${min}`);
      bounds.max.push(`${key}:${max}`);
    }
    if (found.null_count !== null) bounds.nulls.push(`${key}:${found.null_count}`);
  }
  return `{"numRecords":${rows},"minValues":{${bounds.min}},"maxValues":{${bounds.max}},"nullCount":{${bounds.nulls}}}`;
}

function boundText(type: string, value: string, side: "min" | "max"): string | null {
  if (type === "string") {
    return value.length <= LONGEST_STRING && value.isWellFormed() ? JSON.stringify(value) : null;
  }
  if (type === "date") return /^\d{4}-\d\d-\d\d$/.test(value) ? JSON.stringify(value) : null;
  if (type === "timestamp") return timestampBound(value, side);
  if (type === "double" || type === "float") {
    // A JSON number; NaN and infinities have none.
    return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? value : null;
  }
  if (/^(byte|short|integer|long|decimal\(.*\))$/.test(type)) return /^-?\d+(\.\d+)?$/.test(value) ? value : null;
  return null;
}

/** `2024-01-31 10:00:00.123456+00` → milliseconds, a maximum rounded up: no value may lie outside its bound. */
function timestampBound(value: string, side: "min" | "max"): string | null {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(value);
  if (match === null) return null;
  const micros = (match[3] ?? "").padEnd(6, "0");
  const time = Date.parse(`${match[1]}T${match[2]}.${micros.slice(0, 3)}Z`);
  if (Number.isNaN(time)) return null;
  return JSON.stringify(new Date(time + (side === "max" && micros.slice(3) !== "000" ? 1 : 0)).toISOString());
}
