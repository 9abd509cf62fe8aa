import type { PipelineSpec, QualityCheck } from "../../contracts/pipeline.ts";
import { mask } from "../core/redactor.ts";
import type { EngineView, QueryResult, QueryStep } from "../engines/duckdb-job.ts";
import { checkLabel, wrongRows } from "./quality-sql.ts";

const rowsShown = 20;
const lettersShown = 200;

/** Rows that break a rule, for people to look at: columns and at most 20 rows, in an order that does not change. */
export interface Sample {
  columns: string[];
  rows: unknown[][];
}

/** The step that reads a sample; null for checks of the table as a whole. */
export function sampleStep(check: QualityCheck): QueryStep | null {
  const rows = wrongRows(check);
  return rows === null ? null : { kind: "query", name: checkLabel(check), sql: `select * from (\n${rows}\n) order by all limit ${rowsShown}`, max_rows: rowsShown };
}

/**
 * What may be seen of the rows: masked columns are mask. A custom query can give a masked value another name, so where a
 * pipeline masks anything, such a query shows only what bears a name of the dataset's own columns.
 */
export function sampleOf(spec: PipelineSpec, check: QualityCheck, view: EngineView | undefined, result: QueryResult): Sample {
  const masks = spec.masked ?? {};
  const masked = new Set(Object.values(masks).flat().map((name) => name.toLowerCase()));
  const own = new Set(view?.columns?.map((column) => column.name.toLowerCase()));
  const shown = (name: string): boolean => {
    if (check.check !== "custom_sql") return !(masks[check.dataset] ?? []).some((each) => each.toLowerCase() === name.toLowerCase());
    return masked.size === 0 || (own.has(name.toLowerCase()) && !masked.has(name.toLowerCase()));
  };
  const columns = result.columns.map((column) => column.name);
  return { columns, rows: result.rows.map((row) => columns.map((name) => (shown(name) ? short(row[name]) : row[name] === null ? null : mask))) };
}

function short(value: unknown): unknown {
  return typeof value === "string" && value.length > lettersShown ? `${value.slice(0, lettersShown)}…` : (value ?? null);
}
