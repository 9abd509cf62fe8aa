import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runDuckdb } from "../engines/duckdb.ts";
import { literal } from "../engines/duckdb-sql.ts";
import { checkpointPaths, findCheckpoint, lastCheckpointPath } from "./checkpoint-reader.ts";
import { type Action, type LakeTable, PROTOCOL } from "./delta-log.ts";
import { readSnapshot } from "./snapshot.ts";

/** A checkpoint is written each time this many versions have passed, so that reading the log stays cheap. */
export const CHECKPOINT_EVERY = 10;
/** Removed files are kept in checkpoints this long (Delta's default), for readers that clean up. */
const TOMBSTONES_KEPT_MS = 7 * 24 * 3600 * 1000;

/** The Parquet schema of a checkpoint: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#checkpoint-schema */
const COLUMNS = {
  txn: "STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)",
  add: "STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags MAP(VARCHAR, VARCHAR))",
  remove:
    "STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT)",
  metaData:
    "STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)",
  protocol: "STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)",
};

/**
 * Writes the checkpoint of a version (Parquet, through the engine) and points `_last_checkpoint` at it. A repeat, or
 * a second writer of the same version, changes nothing.
 */
export async function writeCheckpoint(
  table: LakeTable,
  version: number,
  options: { scratch: string; signal: AbortSignal; now: number },
): Promise<void> {
  const snapshot = await readSnapshot(table, version);
  if (snapshot === null) return;
  const { metadata, txns, adds, removes } = snapshot.state;
  const kept = [...removes.values()].filter((remove) => (remove.deletionTimestamp ?? 0) > options.now - TOMBSTONES_KEPT_MS);
  const actions: Action[] = [
    { protocol: PROTOCOL },
    { metaData: metadata },
    ...[...txns.values()].map((txn) => ({ txn })),
    ...[...adds.values()].map((add) => ({ add: { ...add, dataChange: false } })),
    ...kept.map((remove) => ({ remove: { ...remove, dataChange: false } })),
  ];
  const folder = await mkdtemp(join(options.scratch, "checkpoint-"));
  try {
    const source = join(folder, "actions.ndjson");
    const target = join(folder, "checkpoint.parquet");
    await writeFile(source, actions.map((action) => `${JSON.stringify(action)}\n`).join(""));
    const columns = Object.entries(COLUMNS).map(([name, type]) => `${literal(name)}: ${literal(type)}`);
    const sql = `select * from read_json(${literal(source)}, format = 'newline_delimited', columns = {${columns.join(", ")}}, maximum_object_size = 268435456)`;
    await runDuckdb(
      { views: [], steps: [{ kind: "copy", name: "checkpoint", sql, key: null, to: target }] },
      { signal: options.signal, memory_mb: 1024, threads: 1, scratch: folder, directories: [folder], timeout_ms: 300_000 },
    );
    await table.storage.putIfAbsent(checkpointPaths(table, { version, parts: null })[0]!, { file: target });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const last = await findCheckpoint(table);
  if (last === null || last.version < version) {
    await table.storage.putPointer(lastCheckpointPath(table), JSON.stringify({ version, size: actions.length }));
  }
}
