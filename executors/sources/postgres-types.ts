/** A column of a source table as Postgres describes it. */
export interface PostgresColumn {
  name: string;
  /** `typname` of the type, or of a domain's base type; an array's begins with `_`. */
  type: string;
  /** Precision and scale of a numeric that has them. */
  precision: number | null;
  scale: number | null;
}

const EXACT: Record<string, string> = {
  int2: "INTEGER",
  int4: "INTEGER",
  int8: "BIGINT",
  oid: "BIGINT",
  bool: "BOOLEAN",
  date: "DATE",
  timestamp: "TIMESTAMP WITH TIME ZONE",
  timestamptz: "TIMESTAMP WITH TIME ZONE",
  float4: "DOUBLE",
  float8: "DOUBLE",
};

/**
 * The DuckDB type in which a column lands. A timestamp without a zone is UTC. A numeric without precision, or one
 * that DECIMAL cannot hold, lands as its exact text, as does every type without a counterpart (json, arrays, uuid …).
 */
export function landedType({ type, precision, scale }: PostgresColumn): string {
  if (type === "numeric") {
    const fits = precision !== null && scale !== null && precision <= 38 && scale >= 0 && scale <= precision;
    return fits ? `DECIMAL(${precision},${scale})` : "VARCHAR";
  }
  return EXACT[type] ?? "VARCHAR";
}
