import { assertNever } from "../../contracts/words.ts";
import type { QualityCheck } from "../../contracts/pipeline.ts";
import { identifier, literal, tableName } from "../engines/duckdb-sql.ts";

/** What a check is held against beside the rows. */
export interface Baseline {
  /** Rows of the registered version; null where there is none. */
  previous_rows: number | null;
  /** The run's time, RFC 3339; the same where the run is repeated. */
  at: string;
}

/** One line for people: `silver.partners unique (partner_id)`. */
export function checkLabel(check: QualityCheck): string {
  if (check.check === "custom_sql") return `${check.dataset} ${check.name}`;
  if ("columns" in check) return `${check.dataset} ${check.check} (${check.columns.join(", ")})`;
  return `${check.dataset} ${check.check}${"column" in check ? ` (${check.column})` : ""}`;
}

/**
 * A SELECT that answers one row: `wrong` (how many rows, or for `unique` how many keys, break the rule; 0 is right) and
 * `seen` (how many rows were looked at). Nulls break only `null_check`. Of `schema_drift` it answers `seen` alone.
 */
export function checkQuery(check: QualityCheck, { previous_rows, at }: Baseline): string {
  const from = `from ${tableName(check.dataset)}`;
  const anyOf = (limits: (string | false)[]): string => limits.filter((limit) => limit !== false).join(" or ") || "false";
  switch (check.check) {
    case "row_count": {
      const beyond = (least: boolean, share: number | undefined): string | false => share !== undefined && previous_rows !== null && `count(*) ${least ? "<" : ">"} ${share} * ${previous_rows}`;
      const limits = [check.min !== undefined && `count(*) < ${check.min}`, check.max !== undefined && `count(*) > ${check.max}`, beyond(true, check.min_of_previous), beyond(false, check.max_of_previous)];
      return `select (${anyOf(limits)})::bigint as wrong, count(*) as seen ${from}`;
    }
    case "null_check": {
      // Per column, because the fraction is one column's; a column within its fraction counts as 0.
      const columns = check.columns.map((name) => {
        const nulls = `count(*) filter (${identifier(name)} is null)`;
        return `case when ${nulls} > ${check.max_fraction} * count(*) then ${nulls} else 0 end`;
      });
      return `select (${columns.join(" + ")})::bigint as wrong, count(*) as seen ${from}`;
    }
    case "unique": {
      const columns = check.columns.map(identifier).join(", ");
      return `select count(*) filter (n > 1) as wrong, coalesce(sum(n), 0)::bigint as seen from (select count(*) as n ${from} group by ${columns})`;
    }
    case "schema_drift":
      return `select 0 as wrong, count(*) as seen ${from}`;
    case "freshness":
      // A table without a value is as old as can be.
      return `select coalesce(max(${identifier(check.column)})::timestamptz < ${literal(at)}::timestamptz - to_seconds(${check.max_age_seconds}), true)::bigint as wrong, count(*) as seen ${from}`;
    case "range":
    case "accepted_values":
    case "referential_integrity":
    case "custom_sql":
      return `select (select count(*) from (\n${wrongRows(check)}\n)) as wrong, count(*) as seen ${from}`;
    default:
      return assertNever(check);
  }
}

/** A SELECT of the rows that break the rule; null where a rule is about the table as a whole. */
export function wrongRows(check: QualityCheck): string | null {
  const where = (condition: string): string => `select here.* from ${tableName(check.dataset)} as here where ${condition || "false"}`;
  switch (check.check) {
    case "row_count":
    case "schema_drift":
    case "freshness":
      return null;
    case "null_check":
      return where(check.columns.map((name) => `here.${identifier(name)} is null`).join(" or "));
    case "unique":
      return `select * from ${tableName(check.dataset)} qualify count(*) over (partition by ${check.columns.map(identifier).join(", ")}) > 1`;
    case "range": {
      const limits = [check.min === undefined ? null : `here.${identifier(check.column)} < ${check.min}`, check.max === undefined ? null : `here.${identifier(check.column)} > ${check.max}`];
      return where(limits.filter((limit) => limit !== null).join(" or "));
    }
    case "accepted_values": {
      const values = check.values.map((value) => (typeof value === "string" ? literal(value) : String(value)));
      return where(`here.${identifier(check.column)} not in (${values.join(", ")})`);
    }
    case "referential_integrity": {
      const column = `here.${identifier(check.column)}`;
      const target = `select 1 from ${tableName(check.references.dataset)} as there where there.${identifier(check.references.column)} = ${column}`;
      return where(`${column} is not null and not exists (${target})`);
    }
    case "custom_sql":
      return check.sql.replace(/[\s;]+$/, "");
    default:
      return assertNever(check);
  }
}
