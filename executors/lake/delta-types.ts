import { CodedError } from "../storage/coded-error.ts";

/** A column of a Delta table. `type` is Delta's: `long`, `integer`, `string`, `decimal(18,2)`, `timestamp` … */
export interface LakeColumn {
  name: string;
  type: string;
  nullable: boolean;
}

const DELTA_OF_DUCKDB: Record<string, string> = {
  BIGINT: "long",
  INTEGER: "integer",
  SMALLINT: "short",
  TINYINT: "byte",
  VARCHAR: "string",
  JSON: "string",
  BOOLEAN: "boolean",
  DATE: "date",
  DOUBLE: "double",
  FLOAT: "float",
  BLOB: "binary",
  "TIMESTAMP WITH TIME ZONE": "timestamp",
};

const DUCKDB_OF_DELTA: Record<string, string> = {
  ...Object.fromEntries(Object.entries(DELTA_OF_DUCKDB).map(([duckdb, delta]) => [delta, duckdb])),
  string: "VARCHAR",
};

/** What to write instead of a DuckDB type that Parquet or Delta would change without a word. */
const CAST_TO: Record<string, string> = {
  HUGEINT: "BIGINT or DECIMAL(38,0): DuckDB's sum of integers is a HUGEINT, which Parquet stores as a double",
  UBIGINT: "DECIMAL(20,0)",
  UINTEGER: "BIGINT",
  USMALLINT: "INTEGER",
  UTINYINT: "SMALLINT",
  TIMESTAMP: "TIMESTAMPTZ: a time without a zone means something else to each reader",
  UUID: "VARCHAR",
  TIME: "VARCHAR",
  INTERVAL: "VARCHAR or BIGINT",
  '"NULL"': "the type that the column is meant to have",
};

/**
 * The Delta columns of columns that DuckDB wrote. Throws `lake_unsupported` for a type without an exact counterpart,
 * and for names that differ in case alone or that Parquet readers refuse.
 */
export function deltaColumns(table: string, columns: { name: string; type: string }[]): LakeColumn[] {
  const seen = new Set<string>();
  return columns.map(({ name, type }) => {
    if (seen.has(name.toLowerCase()) || /[ ,;{}()\n\t=]/.test(name) || name === "") {
      throw new CodedError({
        code: "lake_unsupported",
        message: "A column's name must be unique without regard to case and hold no space or any of ,;{}()=",
        place: `${table}.${name}`,
        remedy: "Give the column another name with AS.",
      });
    }
    seen.add(name.toLowerCase());
    return { name, type: deltaType(`${table}.${name}`, type), nullable: true };
  });
}

/** The Delta type of a DuckDB type. Throws `lake_unsupported` with the cast to write. */
export function deltaType(place: string, type: string): string {
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal) return `decimal(${decimal[1]},${decimal[2]})`;
  const delta = DELTA_OF_DUCKDB[type];
  if (delta !== undefined) return delta;
  throw new CodedError({
    code: "lake_unsupported",
    message: `The type ${type} has no exact counterpart in a lake table`,
    place,
    remedy: `Cast it to ${CAST_TO[type] ?? "VARCHAR, or to a scalar type"}.`,
  });
}

/** The DuckDB type of a Delta type, for reading a table through a view. Throws `lake_unsupported`. */
export function duckdbType(place: string, type: string): string {
  const decimal = /^decimal\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal) return `DECIMAL(${decimal[1]},${decimal[2]})`;
  const duckdb = DUCKDB_OF_DELTA[type];
  if (duckdb !== undefined) return duckdb;
  throw new CodedError({
    code: "lake_unsupported",
    message: `The column type ${type} cannot be read yet`,
    place,
    remedy: "Leave the column out, or write it with a scalar type.",
  });
}

interface SchemaField {
  name: string;
  type: unknown;
  nullable: boolean;
  metadata: Record<string, unknown>;
}

/** Delta's `schemaString`. */
export function schemaString(columns: LakeColumn[]): string {
  const fields = columns.map(({ name, type, nullable }): SchemaField => ({ name, type, nullable, metadata: {} }));
  return JSON.stringify({ type: "struct", fields });
}

/** Reads a `schemaString`. Nested types and columns with rules that we would break (`delta.invariants` …) are refused. */
export function parseSchema(table: string, text: string): LakeColumn[] {
  const { fields } = JSON.parse(text) as { fields: SchemaField[] };
  return fields.map(({ name, type, nullable, metadata }) => {
    const rule = Object.keys(metadata ?? {}).find((key) => key.startsWith("delta."));
    if (typeof type !== "string" || rule !== undefined) {
      throw new CodedError({
        code: "lake_unsupported",
        message: rule === undefined ? "Nested column types are not supported" : `The column carries the rule ${rule}`,
        place: `${table}.${name}`,
        remedy: "Use a table whose columns are plain, or write it with the engine that made it.",
      });
    }
    return { name, type, nullable };
  });
}
