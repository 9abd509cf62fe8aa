import { join } from "node:path";
import type { QualityCheck } from "../../contracts/pipeline.ts";
import { quarantineOf } from "../../contracts/spec-meaning.ts";
import type { PhaseContext, StagedTable } from "../core/phase.ts";
import type { CopyResult, CopyStep, QueryResult, QueryStep } from "../engines/duckdb-job.ts";
import { identifier, literal, sameKey, tableName } from "../engines/duckdb-sql.ts";
import { runEngine } from "./engine.ts";
import { inputViews, stagedTables } from "./inputs.ts";
import { mergedTables } from "./merge-steps.ts";
import { type Sample, sampleOf, sampleStep } from "./quality-sample.ts";
import { checkLabel, checkQuery, wrongRows } from "./quality-sql.ts";
import { LANDING_COLUMNS, stageTable } from "./staging.ts";

export interface Quarantined {
  /** The table without the rows that are wrong, and those in a table of their own. */
  tables: StagedTable[];
  /** One for each check, in order. */
  counts: { wrong: number; seen: number; sample: Sample }[];
}

/** Names of the datasets, those first to which others refer: a row whose target was taken out is wrong too. */
export function inOrderOfReference(checks: QualityCheck[]): string[] {
  const open = [...new Set(checks.map((check) => check.dataset))];
  const ordered: string[] = [];
  while (open.length > 0) {
    const waits = (name: string): boolean => checks.some((check) => check.dataset === name && check.check === "referential_integrity" && check.references.dataset !== name && open.includes(check.references.dataset));
    // Of tables that refer to each other any may be the first.
    const next = Math.max(0, open.findIndex((name) => !waits(name)));
    ordered.push(...open.splice(next, 1));
  }
  return ordered;
}

/**
 * Takes the rows that break one of the checks out of a table that this run has staged, and stages them beside it with a
 * column `_reason`. Each attempt and each repetition takes the same rows. A table that is written anew has its quarantine
 * written anew too; appends and merges add to it, because the rows that they leave out do not come again.
 */
export async function quarantine(context: PhaseContext<"validate">, dataset: string, checks: QualityCheck[], other: { required: string[]; optional: string[] }): Promise<Quarantined> {
  const staged = stagedTables(context).get(dataset)!;
  const target = quarantineOf(dataset);
  // What is registered already cannot be taken out any more: the checks look at what this run adds.
  const earlier = context.upstream.get(context.phase.name)?.tables ?? [];
  const alone = { ...context, upstream: new Map([...context.upstream, [context.phase.name, { tables: [...earlier, { ...staged, mode: "overwrite" as const }], facts: {} }]]) };
  const views = await inputViews(alone, { required: [dataset, ...other.required], optional: other.optional });
  const ofTheRun = staged.partition_columns.filter(({ name }) => LANDING_COLUMNS.some((column) => column.name === name));
  // Values that divide a table are its rows' own, wherever the rows go.
  const partition_by = staged.partition_columns.map(({ name }) => name).filter((name) => !ofTheRun.some((column) => column.name === name));
  const columns = (from: string): string => `${from}.*${ofTheRun.length > 0 ? ` exclude (${ofTheRun.map(({ name }) => identifier(name)).join(", ")})` : ""}`;
  const reasons = checks.map((check) => `case when exists (select 1 from (\n${wrongRows(check)}\n) as wrong where ${sameKey("here", "wrong", staged.key)}) then ${literal(checkLabel(check))} end`);
  const copies: CopyStep[] = [
    {
      kind: "copy", name: target, key: staged.key, to: join(context.scratch, `${dataset}.quarantine.parquet`), define_view: true,
      sql: `select * from (select ${columns("here")}, concat_ws('; ', ${reasons.join(", ")}) as _reason from ${tableName(dataset)} as here) where _reason <> ''`,
    },
    {
      kind: "copy", name: `${dataset}__kept`, key: staged.key, to: join(context.scratch, `${dataset}.kept.parquet`), ...(partition_by.length > 0 ? { partition_by } : {}),
      sql: `select ${columns("here")} from ${tableName(dataset)} as here where not exists (select 1 from ${tableName(target)} as wrong where ${sameKey("here", "wrong", staged.key)})`,
    },
  ];
  const queries = checks.flatMap((check): QueryStep[] => [{ kind: "query", name: checkLabel(check), sql: checkQuery(check, { previous_rows: null, at: context.run.created_at }), max_rows: 1 }, sampleStep(check)!]);
  const { results } = await runEngine(context, { views, steps: [...queries, ...copies] });
  const [taken, kept] = results.slice(queries.length) as [CopyResult, CopyResult];
  const counts = checks.map((check, index) => {
    const row = (results[2 * index] as QueryResult).rows[0] ?? {};
    return { wrong: Number(row["wrong"]), seen: Number(row["seen"]), sample: sampleOf(context.spec, check, views.find((view) => view.name === dataset), results[2 * index + 1] as QueryResult) };
  });
  const adds = staged.mode === "append" || mergedTables(context.upstream).has(dataset);
  const lineage = staged.lineage === undefined ? {} : { lineage: staged.lineage };
  const tables = [taken.rows === 0 ? staged : { ...(await stageTable(context, { ...kept, name: dataset }, { mode: staged.mode, key: staged.key, partition_columns: ofTheRun, partition_by })), ...lineage }];
  if (taken.rows > 0 || !adds) tables.push(await stageTable(context, taken, { mode: adds ? "append" : "overwrite", key: staged.key, partition_columns: LANDING_COLUMNS }));
  return { tables, counts };
}
