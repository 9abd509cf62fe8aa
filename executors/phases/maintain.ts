import { join } from "node:path";
import { PermanentError } from "../core/errors.ts";
import type { PhaseContext, PhaseHandler } from "../core/phase.ts";
import type { CopyResult } from "../engines/duckdb-job.ts";
import { commitTable } from "../lake/commit.ts";
import type { LakeTable } from "../lake/delta-log.ts";
import { duckdbType } from "../lake/delta-types.ts";
import { type LakeFile, type Snapshot, readSnapshot } from "../lake/snapshot.ts";
import { sliceTagged } from "../lake/sliced-table.ts";
import { type StagedFile, stageFile } from "../lake/stage.ts";
import { type VacuumOutcome, vacuumTable } from "../lake/vacuum.ts";
import { mapConcurrently } from "./concurrently.ts";
import { runEngine } from "./engine.ts";
import { viewFiles } from "./inputs.ts";
import { registerCommit, takeTables } from "./publish.ts";
import { FILES_AT_ONCE, lakeTable } from "./staging.ts";

/**
 * Care for published tables, whose rows stay as they are: removes files that no kept version needs, then writes the files of
 * a table into one (one for each partition) as a new version. Each table is held meanwhile, as for publishing. A verification
 * touches nothing.
 */
export const maintain: PhaseHandler<"maintain"> = async (context) => {
  const { config } = context;
  const names = [...new Set(config.datasets)].toSorted();
  const removed: VacuumOutcome = { removed: 0, bytes: 0, kept: 0 };
  let compacted = 0;
  if (!context.run.isolated) {
    await refuseUnknown(context, names);
    for (const [name, intent] of await takeTables(context, names, config.vacuum)) {
      context.signal.throwIfAborted();
      const table = await lakeTable(context.lake.read_root, name);
      if (config.vacuum !== undefined) {
        // By the database's clock: an executor whose own is ahead would take files that others have just staged.
        const before = new Date(Date.parse(context.run.claimed_at ?? context.run.created_at) - config.vacuum.retain_hours * 3_600_000);
        const outcome = await vacuumTable(table, { kept_from: Number(intent.kept_from_table_version), before, signal: context.signal });
        for (const figure of ["removed", "bytes", "kept"] as const) removed[figure] += outcome[figure];
      }
      if (config.compact && (await compactTable(context, name, table, { fence: Number(intent.fence), base: Number(intent.base_table_version) }))) compacted += 1;
    }
  }
  const figures = { tables: names.length, ...(config.vacuum === undefined ? {} : { files_removed: removed.removed, bytes_removed: removed.bytes, files_kept: removed.kept }), ...(config.compact ? { compacted } : {}) };
  const did = [...(config.vacuum === undefined ? [] : [`removed ${removed.removed} files with ${removed.bytes} bytes`]), ...(config.compact ? [`compacted ${compacted} tables`] : [])];
  context.progress(context.run.isolated ? "A verification leaves tables as they are." : `Of ${names.length} tables ${did.join(" and ")}.`, figures);
  return { output: { tables: [], facts: { maintained: names } }, metrics: figures };
};

async function refuseUnknown(context: PhaseContext<"maintain">, names: string[]): Promise<void> {
  const known = await context.pinDatasets(names);
  const missing = names.filter((name) => !known.has(name));
  if (missing.length > 0) throw new PermanentError("dataset_missing", `No version of ${missing.join(", ")} was ever published here.`, { datasets: missing });
}

/** True when there was something to do. Rows are ordered by all columns: the same rows give the same file, however they lay before. */
async function compactTable(context: PhaseContext<"maintain">, name: string, table: LakeTable, held: { fence: number; base: number }): Promise<boolean> {
  const snapshot = (await readSnapshot(table, held.base)) as Snapshot;
  const groups = new Map<string, LakeFile[]>();
  for (const file of snapshot.files) {
    // Slices of a table that is divided by its key are apart on purpose.
    const values = JSON.stringify([file.slice, ...snapshot.partition_columns.map((column) => file.partition_values[column] ?? null)]);
    groups.set(values, [...(groups.get(values) ?? []), file]);
  }
  const scattered = [...groups.values()].filter((files) => files.length > 1);
  if (scattered.length === 0) return false;
  const fresh = await writeTogether(context, table, snapshot, scattered);
  const gone = new Set(scattered.flat().map((file) => file.path));
  const kept = [...snapshot.state.adds.values()].filter((add) => !gone.has(decodeURIComponent(add.path)))
    .map((add) => ({ path: add.path, byte_size: add.size, stats: add.stats ?? "{}", partition_values: add.partitionValues, ...sliceTagged(add.tags) }));
  const outcome = await commitTable({
    table, mode: "rewrite", app_id: `control-room/${name}`, fence: held.fence, base_version: held.base, run_id: context.run.run_id, phase: context.phase.name,
    columns: snapshot.columns, partition_columns: snapshot.partition_columns, files: [...kept, ...fresh],
    signal: context.signal, scratch: context.scratch, log: (message) => context.log("warn", message, { table: name }),
  });
  await registerCommit(context, { name, columns: snapshot.columns, outcome, layer: null, content_sha256: null });
  return true;
}

/** One file for each group of files, which share their partition values. */
async function writeTogether(context: PhaseContext<"maintain">, table: LakeTable, snapshot: Snapshot, groups: LakeFile[][]): Promise<StagedFile[]> {
  const columns = snapshot.columns.filter((column) => !snapshot.partition_columns.includes(column.name));
  const engineColumns = columns.map((column) => ({ name: column.name, type: duckdbType(`${table.path}.${column.name}`, column.type) }));
  const views = await mapConcurrently(groups, FILES_AT_ONCE, async (files, index) => {
    const parts = await viewFiles(context, table, snapshot.columns, files);
    return { name: `compact.files_${index}`, columns: engineColumns, parts: parts.map((part) => ({ files: part.files })) };
  });
  const steps = views.map(({ name }, index) => ({ kind: "copy" as const, name: `${table.path} ${index}`, sql: `select * from ${name}`, key: [], to: join(context.scratch, `compact-${index}.parquet`) }));
  const { results } = await runEngine(context, { views, steps });
  return mapConcurrently(results as CopyResult[], FILES_AT_ONCE, (written, index) => {
    const rows = groups[index]!.reduce((sum, file) => sum + (file.rows ?? 0), 0);
    if (groups[index]!.every((file) => file.rows !== null) && written.rows !== rows) throw new Error(`compacting ${table.path} would change ${rows} rows into ${written.rows}`);
    return stageFile({ ...written.file!, table, columns, partition_values: groups[index]![0]!.partition_values, mode: "overwrite", run_id: context.run.run_id });
  });
}
