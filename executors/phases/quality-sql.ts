import { assertNever } from "../../contracts/common.ts";
import type { QualityCheck } from "../../contracts/pipeline.ts";
import { identifier, literal, tableName } from "../engines/duckdb-sql.ts";

/** One line for people: `silver.partners unique (partner_id)`. */
export function checkLabel(check: QualityCheck): string {
  if (check.check === "custom_sql") return `${check.dataset} ${check.name}`;
  if ("columns" in check) return `${check.dataset} ${check.check} (${check.columns.join(", ")})`;
  return `${check.dataset} ${check.check}${"column" in check ? ` (${check.column})` : ""}`;
}

/**
 * A SELECT that answers one row: `wrong` (how many rows, or for `unique` how many keys, break the rule; 0 is right) and
 * `seen` (how many rows were looked at). Nulls break only `null_check`.
 */
export function checkQuery(check: QualityCheck): string {
  const from = `from ${tableName(check.dataset)}`;
  const counted = (wrong: string): string => `select count(*) filter (${wrong}) as wrong, count(*) as seen ${from}`;
  switch (check.check) {
    case "row_count": {
      const limits = [check.min === undefined ? null : `count(*) < ${check.min}`, check.max === undefined ? null : `count(*) > ${check.max}`];
      return `select (${limits.filter((limit) => limit !== null).join(" or ") || "false"})::bigint as wrong, count(*) as seen ${from}`;
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
    case "range": {
      const limits = [check.min === undefined ? null : `${identifier(check.column)} < ${check.min}`, check.max === undefined ? null : `${identifier(check.column)} > ${check.max}`];
      return counted(limits.filter((limit) => limit !== null).join(" or ") || "false");
    }
    case "accepted_values": {
      const values = check.values.map((value) => (typeof value === "string" ? literal(value) : String(value)));
      return counted(`${identifier(check.column)} not in (${values.join(", ")})`);
    }
    case "referential_integrity": {
      const target = `select 1 from ${tableName(check.references.dataset)} as there where there.${identifier(check.references.column)} = here.${identifier(check.column)}`;
      return `select count(*) filter (here.${identifier(check.column)} is not null and not exists (${target})) as wrong, count(*) as seen ${from} as here`;
    }
    case "custom_sql":
      return `select (select count(*) from (\n${check.sql.replace(/[\s;]+$/, "")}\n)) as wrong, count(*) as seen ${from}`;
    default:
      return assertNever(check);
  }
}
