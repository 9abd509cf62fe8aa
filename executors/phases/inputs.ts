import { PermanentError } from "../core/errors.ts";
import type { StagedTable } from "../core/phase.ts";
import type { EngineView, ViewFiles } from "../engines/duckdb-job.ts";
import { type LakeColumn, duckdbType } from "../lake/delta-types.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { mapConcurrently } from "./concurrently.ts";
import type { PhaseScope } from "./engine.ts";
import { FILES_AT_ONCE, lakeTable, partitionValues } from "./staging.ts";

/** Every table that phases before this one staged, by name; of two with one name the later phase's. */
export function stagedTables(context: PhaseScope): Map<string, StagedTable> {
  return new Map([...context.upstream.values()].flatMap(({ tables }) => tables.map((table) => [table.name, table] as const)));
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
    if (table !== undefined) parts.push(await stagedPart(context, table, columns));
    return { name, parts, columns: [...columns.values()].map((column) => ({ name: column.name, type: duckdbType(`${name}.${column.name}`, column.type) })) };
  });
}

async function registeredParts(context: PhaseScope, name: string, version: number, columns: Map<string, LakeColumn>): Promise<ViewFiles[]> {
  const table = await lakeTable(context.lake.read_root, name);
  const snapshot = await readSnapshot(table, version);
  if (snapshot === null) throw new PermanentError("dataset_missing", `The registered version ${version} of ${name} is not in this executor's lake. Check CONTROL_ROOM_LAKE.`, { dataset: name });
  for (const column of snapshot.columns) columns.set(column.name, column);
  const types = new Map(snapshot.columns.map((column) => [column.name, duckdbType(`${name}.${column.name}`, column.type)]));
  const groups = new Map<string, ViewFiles>();
  const local = await mapConcurrently(snapshot.files, FILES_AT_ONCE, (file) => table.storage.localFile(`${table.path}/${file.path}`, context.scratch));
  for (const [index, file] of snapshot.files.entries()) {
    const key = JSON.stringify(file.partition_values);
    const constants = Object.entries(file.partition_values).map(([column, value]) => ({ name: column, type: types.get(column) ?? "VARCHAR", value }));
    const group = groups.get(key) ?? { files: [], constants };
    group.files.push(local[index]!);
    groups.set(key, group);
  }
  return [...groups.values()];
}

async function stagedPart(context: PhaseScope, staged: StagedTable, columns: Map<string, LakeColumn>): Promise<ViewFiles> {
  const table = await lakeTable(context.lake.write_root, staged.name);
  for (const column of [...staged.columns, ...staged.partition_columns.map((each) => ({ ...each, nullable: true }))]) columns.set(column.name, column);
  const values = partitionValues(context, staged.partition_columns);
  return {
    files: await mapConcurrently(staged.files, FILES_AT_ONCE, (file) => table.storage.localFile(`${table.path}/${file.path}`, context.scratch)),
    constants: staged.partition_columns.map(({ name, type }) => ({ name, type: duckdbType(`${staged.name}.${name}`, type), value: values[name] ?? null })),
  };
}
