import type { DatasetVersion } from "../../contracts/dataset.ts";
import type { PhaseConfig } from "../../contracts/pipeline.ts";
import { PermanentError } from "../core/errors.ts";
import type { PhaseContext, StagedFile } from "../core/phase.ts";
import type { CopyResult, CopyStep, EngineView, SlicedView } from "../engines/duckdb-job.ts";
import { identifier, sameKey, tableName } from "../engines/duckdb-sql.ts";
import { keptSlices, slicedTable, type SlicedTable } from "../lake/sliced-table.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { mapConcurrently } from "./concurrently.ts";
import type { PhaseScope } from "./engine.ts";
import { inputViews } from "./inputs.ts";
import { FILES_AT_ONCE, lakeTable } from "./staging.ts";

type TargetTable = PhaseConfig<"transform">["tables"][number];

/** The version of a table that was never registered. */
export const NO_VERSION = "-1";

/** The name under which the engine sees the rows that a merge builds on. */
export function before(dataset: string): string {
  return `${dataset}__before`;
}

/** The name of the step that computes the rows which a merge brings. */
export function changesOf(dataset: string): string {
  return `${dataset}__changes`;
}

/** What a merge builds on: nothing yet, a table as a view, or one that is divided by its key. */
export type MergeBase = { view: EngineView; sliced: SlicedTable | null; files: SlicedView["files"] } | null;

/**
 * The steps of a table with `mode: merge`: its query's rows, then those together with the registered rows whose key is not
 * among them (all of the query's where nothing is registered yet). Rows whose `deleted` column is true take their key out.
 * Of a table that is divided by its key only the slices of those keys are written.
 */
export function mergeSteps(table: TargetTable, base: MergeBase, to: string): CopyStep[] {
  const changes = changesOf(table.name);
  const merges_into = base?.sliced == null ? {} : { merges_into: { view: before(table.name), changes, columns: base.view.columns ?? [], files: base.files } };
  const divided = table.partition_by === undefined ? { slices: { by: table.key[0]!, shift: base?.sliced?.shift ?? null }, ...merges_into } : { partition_by: table.partition_by };
  const kept = table.deleted === undefined ? `select * from ${tableName(changes)}` : `select * exclude (${identifier(table.deleted)}) from ${tableName(changes)} where ${identifier(table.deleted)} is not true`;
  const sql = base !== null
    ? `select * from ${tableName(before(table.name))} landed where not exists (select 1 from ${tableName(changes)} changed where ${sameKey("landed", "changed", table.key)}) union all by name ${kept}`
    : kept;
  return [
    { kind: "copy", name: changes, sql: table.sql ?? "", key: table.key, to: `${to}.changes`, define_view: true, lineage: true },
    { kind: "copy", name: table.name, sql, key: table.key, to, define_view: true, ...divided },
  ];
}

/** The registered versions into which a phase merges. A verification writes all files of its own and keeps none. */
export async function mergeBases(context: PhaseScope, versions: Map<string, DatasetVersion>): Promise<Map<string, MergeBase>> {
  const views = await inputViews(context, { required: [...versions.keys()] });
  return new Map(await mapConcurrently(views, FILES_AT_ONCE, async (view): Promise<[string, MergeBase]> => {
    const table = await lakeTable(context.lake.read_root, view.name);
    const snapshot = context.run.isolated ? null : await readSnapshot(table, Number(versions.get(view.name)!.table_version));
    const sliced = snapshot === null ? null : slicedTable(snapshot);
    const files = await mapConcurrently([...(sliced?.slices ?? [])], FILES_AT_ONCE, async ([number, { file }]) => ({ number, file: await table.storage.localFile(`${table.path}/${file.path}`, context.scratch) }));
    return [view.name, { view, sliced, files }];
  }));
}

/**
 * The registered files that a merge into a divided table leaves as they are; none of another table. Null: all must be written, because the columns are
 * others now, or the rows so many more or fewer that they are to be divided otherwise.
 */
export function keptByMerge(base: MergeBase, written: CopyResult): StagedFile[] | null {
  if (base?.sliced == null) return [];
  const same = JSON.stringify(base.view.columns) === JSON.stringify(written.columns);
  return same && written.slices !== undefined ? keptSlices(base.sliced, written.slices.touched ?? [], written.slices.files) : null;
}

/** Which version each merged table was made of, as the phases before said. */
export function mergedTables(upstream: PhaseContext["upstream"]): Map<string, string> {
  return new Map([...upstream.values()].flatMap(({ facts }) => Object.entries((facts["merged"] ?? {}) as Record<string, string>)));
}

/** A union would turn numbers into text without a word. Throws PermanentError `lake_conflict`. */
export function refuseRetyped(view: EngineView | undefined, written: Pick<CopyResult, "name" | "columns">): void {
  for (const { name, type } of view?.columns ?? []) {
    const now = written.columns.find((column) => column.name === name)?.type;
    if (now === type) continue;
    throw new PermanentError("lake_conflict", `${written.name}.${name} is ${type} in the registered version and would become ${now ?? "nothing"}. Cast it in the query, or replace the table once with mode: overwrite.`, { dataset: written.name });
  }
}
