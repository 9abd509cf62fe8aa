import type pg from "pg";
import { CodedError } from "../storage/coded-error.ts";
import { type CompanyRows, companyRows } from "./company-rows.ts";
import { type DescribedTable, type SourceColumn, describeTable } from "./describe-table.ts";
import { isPrivateColumn, isRefusedTable } from "./odoo-privacy.ts";
import { loginTooStrong, type StrongLogin } from "./postgres-login.ts";
import { tableMissing } from "./source-error.ts";

export interface SourceTable {
  name: string;
  group?: string | undefined;
  /** Unique columns. */
  key: string[];
  /** Columns that are left out. */
  exclude?: string[];
  /** Text columns of which only whether there is a value leaves the source. */
  mask?: string[] | undefined;
  /** A table that the source does not have is reported as missing. */
  optional?: boolean;
  /** Rows that are read anew; empty bounds are none. */
  range?: { column: string; from: string; to: string } | undefined;
}

/** A table as it will land. */
export interface TablePlan extends Omit<DescribedTable, "columns"> {
  columns: SourceColumn[];
  /** Columns that do not land: asked for, or private. */
  excluded: string[];
  /** Which rows land; null: all. */
  company_rows: CompanyRows | null;
}

export interface PlanRequest {
  kind: "postgres" | "odoo";
  schema: string;
  /** Ids of the companies whose rows land; left out: all rows do. */
  company_ids?: number[] | undefined;
}

const TEXTS = ["text", "varchar", "bpchar"];

/**
 * What lands of a table; null for an optional one that the source has not. Throws CodedError `source_table_missing`,
 * `source_table_refused`, `source_column_missing`, `source_mask_refused`, `source_login_too_strong`.
 */
export async function planTable(client: pg.Client, { kind, schema, company_ids }: PlanRequest, table: SourceTable, strong: StrongLogin | null): Promise<TablePlan | null> {
  const place = `${schema}.${table.name}`;
  if (kind === "odoo") refuseSecretTable(place, table.name);
  const described = await describeTable(client, schema, table.name);
  if (described === null) {
    if (table.optional) return null;
    throw tableMissing(place);
  }
  // With such a login a view of anybody would run as it, and the catalogs hold passwords.
  if (strong !== null && (described.foreign_code || /^(pg_|information_schema$)/.test(schema))) throw loginTooStrong(strong, place, "may not read this, since it may do more than a source needs");
  const hidden = (column: string): boolean =>
    (table.exclude ?? []).includes(column) || (kind === "odoo" && isPrivateColumn(table.name, column));
  const columns = described.columns.filter((column) => !hidden(column.name)).map((column) => (table.mask?.includes(column.name) ? { ...column, masked: true } : column));
  const absent = table.key.find((key) => !columns.some((column) => column.name === key));
  if (absent !== undefined) throw keyMissing(`${place}.${absent}`, hidden(absent));
  const wrong = columns.find((column) => column.masked && (table.key.includes(column.name) || !TEXTS.includes(column.pg_type)));
  if (wrong !== undefined) throw notMaskable(`${place}.${wrong.name}`);
  const company_rows = kind === "odoo" && company_ids !== undefined ? companyRows(table.name, described.columns, company_ids) : null;
  if (company_rows !== null && hidden(company_rows.column)) throw companyHidden(`${place}.${company_rows.column}`);
  return { ...described, columns, company_rows, excluded: described.columns.filter((column) => hidden(column.name)).map((column) => column.name) };
}

function refuseSecretTable(place: string, table: string): void {
  if (!isRefusedTable(table)) return;
  throw new CodedError({ code: "source_table_refused", message: "This table holds secrets and never lands", place, remedy: "Remove it from the pipeline." });
}

function keyMissing(place: string, hidden: boolean): CodedError {
  return new CodedError({
    code: "source_column_missing",
    message: hidden ? "A key column is excluded" : "The table has no such key column",
    place,
    remedy: "Give the table's unique columns as `key`.",
  });
}

function companyHidden(place: string): CodedError {
  return new CodedError({ code: "source_column_missing", message: "The column that says of which company a row is, is excluded", place, remedy: "Let it land, or name no companies." });
}

function notMaskable(place: string): CodedError {
  return new CodedError({ code: "source_mask_refused", message: "Only a text that is no key can be masked", place, remedy: "Exclude the column, or take it out of `mask`." });
}
