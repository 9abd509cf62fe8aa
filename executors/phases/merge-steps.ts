import type { PhaseConfig } from "../../contracts/pipeline.ts";
import { PermanentError } from "../core/errors.ts";
import type { PhaseContext } from "../core/phase.ts";
import type { CopyResult, CopyStep, EngineView } from "../engines/duckdb-job.ts";
import { identifier, sameKey, tableName } from "../engines/duckdb-sql.ts";

type TargetTable = PhaseConfig<"transform">["tables"][number];

/** The version of a table that was never registered. */
export const NO_VERSION = "-1";

/** The name under which the engine sees the rows that a merge builds on. */
export function before(dataset: string): string {
  return `${dataset}__before`;
}

/**
 * The steps of a table with `mode: merge`: its query's rows, then those together with the registered rows whose key is not
 * among them (all of the query's where nothing is registered yet). Rows whose `deleted` column is true take their key out.
 */
export function mergeSteps(table: TargetTable, registered: boolean, to: string): CopyStep[] {
  const changes = `${table.name}__changes`;
  const kept = table.deleted === undefined ? `select * from ${tableName(changes)}` : `select * exclude (${identifier(table.deleted)}) from ${tableName(changes)} where ${identifier(table.deleted)} is not true`;
  const sql = registered
    ? `select * from ${tableName(before(table.name))} landed where not exists (select 1 from ${tableName(changes)} changed where ${sameKey("landed", "changed", table.key)}) union all by name ${kept}`
    : kept;
  return [
    { kind: "copy", name: changes, sql: table.sql ?? "", key: table.key, to: `${to}.changes`, define_view: true },
    { kind: "copy", name: table.name, sql, key: table.key, to, define_view: true },
  ];
}

/** Which version each merged table was made of, as the phases before said. */
export function mergedTables(upstream: PhaseContext["upstream"]): Map<string, string> {
  return new Map([...upstream.values()].flatMap(({ facts }) => Object.entries((facts["merged"] ?? {}) as Record<string, string>)));
}

/** A union would turn numbers into text without a word. Throws PermanentError `lake_conflict`. */
export function refuseRetyped(view: EngineView | undefined, written: CopyResult): void {
  for (const { name, type } of view?.columns ?? []) {
    const now = written.columns.find((column) => column.name === name)?.type;
    if (now === type) continue;
    throw new PermanentError("lake_conflict", `${written.name}.${name} is ${type} in the registered version and would become ${now ?? "nothing"}. Cast it in the query, or replace the table once with mode: overwrite.`, { dataset: written.name });
  }
}
