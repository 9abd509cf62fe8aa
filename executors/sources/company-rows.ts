import type pg from "pg";
import { CodedError } from "../storage/coded-error.ts";
import { quote } from "./copy-table.ts";
import type { SourceColumn } from "./describe-table.ts";
import type { LoggedRow } from "./pgoutput.ts";

/** Which rows of an Odoo's table land where an ingest is of some companies alone: by this column, whose value is the id of a company. */
export interface CompanyRows {
  column: string;
  /** In order. */
  ids: number[];
  /** Whether rows of no company land: every company sees them. */
  shared: boolean;
}

const IDS = ["int2", "int4", "int8"];

/** The ids of companies by their names. Throws CodedError `source_company_missing`. */
export async function companyIds(client: pg.Client, schema: string, names: string[]): Promise<number[]> {
  const { rows } = await client.query<{ id: number; name: string }>(`select id::float8 as id, name from ${quote(schema)}.res_company where name = any ($1)`, [names]);
  const missing = names.filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) throw new CodedError({ code: "source_company_missing", message: `The database has no company ${missing.join(", ")}`, place: `${schema}.res_company`, remedy: "Name the companies as Odoo does now; nothing lands until then." });
  return rows.map(({ id }) => id).toSorted((a, b) => a - b);
}

/**
 * A table with a column `company_id` lands the companies' rows and those of no company, `res_company` the companies themselves; null: every row, since
 * none says of which company it is.
 */
export function companyRows(table: string, columns: Pick<SourceColumn, "name" | "pg_type">[], ids: number[]): CompanyRows | null {
  const has = (name: string): boolean => columns.some((column) => column.name === name && IDS.includes(column.pg_type));
  if (table === "res_company") return { column: "id", ids, shared: false };
  return has("company_id") ? { column: "company_id", ids, shared: true } : null;
}

/** The condition in SQL; null: every row. */
export function companyCondition(rows: CompanyRows | null): string | null {
  if (rows === null) return null;
  const column = quote(rows.column);
  return `(${column} in (${rows.ids.join(", ")})${rows.shared ? ` or ${column} is null` : ""})`;
}

/** The same of a row of the log, whose columns are these. */
export function landsByCompany({ column, ids, shared }: CompanyRows, columns: SourceColumn[], row: LoggedRow): boolean {
  const value = row[columns.findIndex(({ name }) => name === column)];
  return value === null ? shared : ids.includes(Number(value));
}

/** All of the conditions that there are; null where there is none. */
export function allOf(...conditions: (string | null)[]): string | null {
  const present = conditions.filter((condition) => condition !== null);
  return present.length === 0 ? null : present.join(" and ");
}
