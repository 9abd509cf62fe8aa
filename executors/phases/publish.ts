import { layers, type Layer, type PublishIntent } from "../../contracts/dataset.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import { backoffMs, sleep } from "../core/backoff.ts";
import { PermanentError, RetryLater } from "../core/errors.ts";
import { sha256OfJson } from "../core/hash.ts";
import type { PhaseContext, PhaseHandler, StagedTable } from "../core/phase.ts";
import { type CommitOutcome, FencedError, commitTable } from "../lake/commit.ts";
import { type LakeTable, readCommit } from "../lake/delta-log.ts";
import { stagedName } from "../lake/stage.ts";
import type { SourceMark } from "../sources/changed-rows.ts";
import { mapConcurrently } from "./concurrently.ts";
import { stagedTables } from "./inputs.ts";
import { mergedTables } from "./merge-steps.ts";
import { recordedMarks } from "./source-marks.ts";
import { FILES_AT_ONCE, lakeTable, partitionValues } from "./staging.ts";

/** Between two questions whether a busy table is free. */
const busyBackoff = { base_ms: 250, cap_ms: 5_000 };

/**
 * Publishes what the run has staged: takes the tables, commits to their logs, registers the new versions; only then
 * readers see them. Whatever dies in between, the next holder takes over a commit of this run, undoes one of another
 * that was never registered, and a holder that was only paused is refused by the table's log. With `export`, each table's Parquet is registered as a `dataset` artifact too. A verification registers artifacts alone.
 */
export const publish: PhaseHandler<"publish"> = async (context) => {
  const tables = [...stagedTables(context).values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const published: Record<string, unknown> = {};
  const versions: Record<string, number> = {};
  let adopted = 0;
  const intents = context.run.isolated || tables.length === 0 ? new Map<string, PublishIntent>() : await takeTables(context, tables.map((table) => table.name));
  const merged = mergedTables(context.upstream);
  const marks = context.run.isolated ? new Map<string, SourceMark>() : await recordedMarks(context);
  await mapConcurrently(tables, FILES_AT_ONCE, async (table) => {
    context.signal.throwIfAborted();
    const intent = intents.get(table.name);
    if (intent !== undefined) {
      const made_of = merged.get(table.name);
      if (made_of !== undefined) await refuseLostUpdate(context, table.name, made_of, intent);
      const outcome = await commitStaged(context, table, intent, marks.get(table.name) ?? null);
      const version = await register(context, table, outcome);
      versions[table.name] = version;
      if (outcome.adopted) adopted += 1;
    }
    const artifacts = context.config.export ? await exportFiles(context, table) : [];
    published[table.name] = { content_sha256: table.content_sha256, row_count: table.row_count, ...(artifacts.length > 0 ? { artifacts } : {}) };
  });
  const rows = tables.reduce((sum, table) => sum + table.row_count, 0);
  const what = context.run.isolated ? "A verification publishes nothing of" : "Published";
  context.progress(`${what} ${tables.length} tables with ${rows} rows.`, { tables: tables.length, rows, adopted });
  return { output: { tables: [], facts: { published } }, metrics: { tables: tables.length, rows, versions, adopted } };
};

/** The right to commit to all of them; waits, within the phase's timeout, while another run publishes one of them. */
export async function takeTables(context: PhaseContext<"publish"> | PhaseContext<"maintain">, names: string[], options?: { retain_hours: number }): Promise<Map<string, PublishIntent>> {
  for (let tried = 1; ; tried += 1) {
    try {
      return new Map((await context.beginPublish(names, options)).map((intent) => [intent.name, intent]));
    } catch (error) {
      if (!(error instanceof ControlRoomError) || error.code !== "table_busy") throw error;
      if (tried === 1) context.progress(error.message);
      await sleep(backoffMs(tried, busyBackoff), context.signal);
    }
  }
}

async function commitStaged(context: PhaseContext<"publish">, staged: StagedTable, intent: PublishIntent, source: SourceMark | null): Promise<CommitOutcome> {
  const table = await lakeTable(context.lake.write_root, staged.name);
  const partition = staged.partition_columns.map((column) => ({ ...column, nullable: true }));
  const files = staged.mode === "append" ? await nameForRun(context, table, staged) : staged.files;
  await refuseMissing(table, staged.name, files);
  try {
    return await commitTable({
      table,
      mode: staged.mode,
      app_id: `control-room/${staged.name}`,
      fence: Number(intent.fence),
      base_version: Number(intent.base_table_version),
      run_id: context.run.run_id,
      phase: context.phase.name,
      columns: [...staged.columns, ...partition],
      partition_columns: partition.map((column) => column.name),
      files,
      partition_values: partitionValues(context, staged.partition_columns),
      source,
      signal: context.signal,
      scratch: context.scratch,
      log: (message) => context.log("warn", message, { table: staged.name }),
    });
  } catch (error) {
    // The table was taken from this run, whose lease has ended: the control plane refuses this report too.
    if (error instanceof FencedError) throw new RetryLater("lake_conflict", error.message, 2, { cause: error });
    throw error;
  }
}

/** A phase whose output is used again staged long ago: a cleanup may have come between. None can now, the table is held. */
async function refuseMissing(table: LakeTable, name: string, files: { path: string }[]): Promise<void> {
  const found = await mapConcurrently(files, FILES_AT_ONCE, ({ path }) => table.storage.stat(`${table.path}/${path}`));
  const missing = found.findIndex((file) => file === null);
  if (missing < 0) return;
  throw new PermanentError("dataset_missing", `The staged file ${files[missing]!.path} of ${name} was cleaned up before it was published. Start the run again with every phase.`, { dataset: name });
}

/** A merge holds the rows of the version that it was made of: another run's later version would be undone by it. */
async function refuseLostUpdate(context: PhaseContext<"publish">, name: string, made_of: string, intent: PublishIntent): Promise<void> {
  if (made_of === intent.base_table_version) return;
  const actions = await readCommit(await lakeTable(context.lake.read_root, name), Number(intent.base_table_version));
  // This run's own, registered by an attempt that died before it could say so.
  if (actions?.some((action) => action.commitInfo?.controlRoom?.run_id === context.run.run_id)) return;
  throw new PermanentError("lake_conflict", `Another run has published ${name} since this one read it. Run it again, so that it merges into the newest version.`, { dataset: name });
}

/** Identical rows appended by two runs are two files. */
async function nameForRun(context: PhaseContext<"publish">, table: LakeTable, staged: StagedTable): Promise<StagedTable["files"]> {
  const files = [];
  for (const file of staged.files) {
    const path = stagedName(file, "append", context.run.run_id);
    await table.storage.putIfAbsent(`${table.path}/${path}`, { file: await table.storage.localFile(`${table.path}/${file.path}`, context.scratch) });
    files.push({ ...file, path });
  }
  return files;
}

async function register(context: PhaseContext<"publish">, staged: StagedTable, outcome: CommitOutcome): Promise<number> {
  const columns = [...staged.columns, ...staged.partition_columns];
  return registerCommit(context, { name: staged.name, columns, outcome, layer: context.spec.layer ?? null, content_sha256: staged.mode === "overwrite" ? staged.content_sha256 : null, lineage: staged.lineage });
}

interface Committed {
  name: string;
  columns: readonly { name: string; type: string }[];
  outcome: CommitOutcome;
  /** Where the name says none. */
  layer: Layer | null;
  /** Null: the content is named by the columns and the files that are live after the commit. */
  content_sha256: string | null;
  lineage?: StagedTable["lineage"] | undefined;
}

/** Registers what was committed to a table that this run holds; answers the number of the registered version. */
export async function registerCommit(context: Pick<PhaseContext, "publishDataset" | "run">, { name, columns: all, outcome, layer, content_sha256, lineage }: Committed): Promise<number> {
  const columns = all.map((column) => ({ name: column.name, type: column.type }));
  const version = await context.publishDataset({
    name,
    layer: layerOf(name, layer),
    table_version: outcome.version,
    format: "delta",
    location: `${context.run.environment_id}/${name.replace(".", "/")}`,
    content_sha256: content_sha256 ?? sha256OfJson({ columns, files: outcome.files.map((file) => file.path) }),
    row_count: outcome.rows,
    byte_size: outcome.bytes,
    columns,
    ...(lineage === undefined ? {} : { lineage }),
  });
  return version.version;
}

function layerOf(dataset: string, fallback: Layer | null): Layer | null {
  return layers.find((layer) => dataset.startsWith(`${layer}.`)) ?? fallback;
}

async function exportFiles(context: PhaseContext<"publish">, staged: StagedTable): Promise<{ name: string; sha256: string }[]> {
  const table = await lakeTable(context.lake.write_root, staged.name);
  const artifacts = [];
  for (const [index, file] of staged.files.entries()) {
    const artifact = await context.addArtifact({
      name: `${staged.name}${index === 0 ? "" : `.${index}`}.parquet`,
      kind: "dataset",
      content_type: "application/vnd.apache.parquet",
      content: { file: await table.storage.localFile(`${table.path}/${file.path}`, context.scratch), known: { sha256: file.sha256, byte_size: file.byte_size } },
      metadata: { dataset: staged.name, rows: file.row_count, ...(file.partition_values === undefined ? {} : { partition: file.partition_values }), columns: staged.columns.map(({ name, type }) => ({ name, type })) },
    });
    artifacts.push({ name: artifact.name, sha256: artifact.sha256 });
  }
  return artifacts;
}
