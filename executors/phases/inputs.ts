import { datasetReference } from "../../contracts/common.ts";
import type { PastInput } from "../../contracts/pipeline.ts";
import { phasesBefore } from "../../contracts/spec-meaning.ts";
import { PermanentError } from "../core/errors.ts";
import type { StagedTable } from "../core/phase.ts";
import type { EngineColumn, EngineView, ViewFiles } from "../engines/duckdb-job.ts";
import type { LakeTable } from "../lake/delta-log.ts";
import { type LakeColumn, duckdbType } from "../lake/delta-types.ts";
import { type LakeFile, readSnapshot } from "../lake/snapshot.ts";
import { mapConcurrently } from "./concurrently.ts";
import type { PhaseScope } from "./engine.ts";
import { FILES_AT_ONCE, lakeTable, partitionValues } from "./staging.ts";

/** Every table that phases before this one staged, by name; of two with one name (a check took rows out of it) the later phase's. */
export function stagedTables(context: PhaseScope): Map<string, StagedTable> {
  const before = phasesBefore(context.spec);
  const inOrder = [...context.upstream].toSorted(([a], [b]) => (before.get(a)?.size ?? 0) - (before.get(b)?.size ?? 0));
  return new Map(inOrder.flatMap(([, { tables }]) => tables.map((table) => [table.name, table] as const)));
}

/**
 * Views of the datasets: what this run has staged, else the registered version that the run is pinned to. A staged append
 * is seen together with the version that it will follow. Throws PermanentError `dataset_missing` for a required name that
 * is neither; optional ones are left out.
 */
export async function inputViews(context: PhaseScope, names: { required: string[]; optional?: string[] }): Promise<EngineView[]> {
  const staged = stagedTables(context);
  const all = [...new Set([...names.required, ...(names.optional ?? [])])].toSorted();
  const registered = await context.pinDatasets(all.filter((name) => staged.get(name)?.mode !== "overwrite"));
  const missing = names.required.filter((name) => !staged.has(name) && !registered.has(name));
  if (missing.length > 0) {
    throw new PermanentError(
      "dataset_missing",
      `No version of ${[...new Set(missing)].join(", ")} was ever published here, and no phase before this one makes it. Run the pipeline that publishes it first.`,
      { datasets: [...new Set(missing)] },
    );
  }
  const known = all.filter((name) => staged.has(name) || registered.has(name));
  return mapConcurrently(known, FILES_AT_ONCE, async (name): Promise<EngineView> => {
    const table = staged.get(name);
    const version = registered.get(name);
    const columns = new Map<string, LakeColumn>();
    const parts: ViewFiles[] = [];
    if (version !== undefined) parts.push(...(await registeredParts(context, name, Number(version.table_version), columns)));
    if (table !== undefined) parts.push(...(await stagedParts(context, table, columns)));
    return { name, parts, columns: engineColumns(name, [...columns.values()]) };
  });
}

/**
 * Views of earlier registered versions, each under its own name. Throws PermanentError `dataset_missing` for one that never
 * was or whose files a cleanup has given up, `invalid_parameters` for a parameter that names no version.
 */
export async function pastViews(context: PhaseScope, past: PastInput[] = []): Promise<EngineView[]> {
  const references = past.map(({ dataset, version, timestamp }) => `${dataset}@${version ?? timestamp}`);
  const wrong = references.find((reference) => !datasetReference.safeParse(reference).success);
  if (wrong !== undefined) throw new PermanentError("invalid_parameters", `${wrong} names no version: give its number, or a moment as 2026-11-20T08:00:00Z.`);
  const registered = await context.pinDatasets(references);
  const missing = references.filter((reference) => !registered.has(reference));
  if (missing.length > 0) throw new PermanentError("dataset_missing", `${missing.join(", ")}: there was no such version, or a cleanup has given it up. \`control-room lake history\` lists those that can be read.`, { datasets: missing });
  return mapConcurrently(past, FILES_AT_ONCE, async ({ as, dataset }, index): Promise<EngineView> => {
    const columns = new Map<string, LakeColumn>();
    const parts = await registeredParts(context, dataset, Number(registered.get(references[index]!)!.table_version), columns);
    return { name: as, parts, columns: engineColumns(dataset, [...columns.values()]) };
  });
}

/** Columns of a table as the engine knows them. */
export function engineColumns(name: string, columns: LakeColumn[]): EngineColumn[] {
  return columns.map((column) => ({ name: column.name, type: duckdbType(`${name}.${column.name}`, column.type) }));
}

async function registeredParts(context: PhaseScope, name: string, version: number, columns: Map<string, LakeColumn>): Promise<ViewFiles[]> {
  const table = await lakeTable(context.lake.read_root, name);
  const snapshot = await readSnapshot(table, version);
  if (snapshot === null) throw new PermanentError("dataset_missing", `The registered version ${version} of ${name} is not in this executor's lake. Check CONTROL_ROOM_LAKE.`, { dataset: name });
  for (const column of snapshot.columns) columns.set(column.name, column);
  return viewFiles(context, table, snapshot.columns, snapshot.files);
}

async function stagedParts(context: PhaseScope, staged: StagedTable, columns: Map<string, LakeColumn>): Promise<ViewFiles[]> {
  const table = await lakeTable(context.lake.write_root, staged.name);
  const all = [...staged.columns, ...staged.partition_columns.map((each) => ({ ...each, nullable: true }))];
  for (const column of all) columns.set(column.name, column);
  const values = partitionValues(context, staged.partition_columns);
  return viewFiles(context, table, all, staged.files.map((file) => ({ path: file.path, partition_values: { ...values, ...file.partition_values }, ...(file.slice === undefined ? {} : { slice: { ...file.slice, sha256: file.sha256 } }) })));
}

/**
 * Files as an engine reads them, those of one partition together: its values are constants there, so a query that asks for
 * another one does not open them.
 */
export async function viewFiles(context: Pick<PhaseScope, "scratch">, table: LakeTable, columns: LakeColumn[], files: (Pick<LakeFile, "path" | "partition_values"> & Partial<Pick<LakeFile, "slice">>)[]): Promise<ViewFiles[]> {
  const types = new Map(columns.map((column) => [column.name, duckdbType(`${table.path}.${column.name}`, column.type)]));
  const groups = new Map<string, ViewFiles & { slices: NonNullable<ViewFiles["slices"]> }>();
  const local = await mapConcurrently(files, FILES_AT_ONCE, (file) => table.storage.localFile(`${table.path}/${file.path}`, context.scratch));
  for (const [index, { partition_values, slice }] of files.entries()) {
    const key = JSON.stringify(Object.entries(partition_values).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const constants = Object.entries(partition_values).map(([column, value]) => ({ name: column, type: types.get(column) ?? "VARCHAR", value }));
    const group = groups.get(key) ?? { files: [], constants, slices: [] };
    group.files.push(local[index]!);
    if (slice != null) group.slices.push({ shift: slice.shift, number: slice.number, sha256: slice.sha256 });
    groups.set(key, group);
  }
  // A table with a file that is no slice is none that is divided.
  return [...groups.values()].map(({ slices, ...group }) => (slices.length === group.files.length ? { ...group, slices } : group));
}
