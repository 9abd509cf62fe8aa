import type { KeySlice } from "../engines/key-slices.ts";
import { CodedError } from "../storage/coded-error.ts";
import { findCheckpoint, readCheckpoint } from "./checkpoint-reader.ts";
import {
  type Action,
  type AddAction,
  type LakeTable,
  type MetadataAction,
  type RemoveAction,
  type TxnAction,
  readCommit,
  refuseUnknownConfiguration,
  refuseUnknownProtocol,
} from "./delta-log.ts";
import { type LakeColumn, parseSchema } from "./delta-types.ts";
import { sliceOfTags } from "./sliced-table.ts";

export interface LakeFile {
  /** Relative to the table's folder. */
  path: string;
  /** Bytes. */
  size: number;
  /** Null where the file carries no statistics. */
  rows: number | null;
  /** JSON as text, with exact numbers. */
  stats: string | null;
  partition_values: Record<string, string | null>;
  /** Of a table that is divided by its key: which part of it this file is, and its hash. */
  slice: (KeySlice & { sha256: string }) | null;
}

export interface Snapshot {
  version: number;
  columns: LakeColumn[];
  partition_columns: string[];
  /** In the order of their paths. */
  files: LakeFile[];
  /** The fence per writer. */
  txns: Record<string, number>;
  /** The log's own state, for writing the next version. */
  state: LogState;
}

export interface LogState {
  metadata: MetadataAction;
  adds: Map<string, AddAction>;
  removes: Map<string, RemoveAction>;
  txns: Map<string, TxnAction>;
}

/**
 * The table as of a version, or as of its newest one. Null when the folder holds no table. Costs one checkpoint and
 * the commits after it, or from a snapshot that is `known` (of the same table, at or before the version) only those after
 * that. Throws `dataset_missing` for a version that the log does not hold, and `lake_unsupported`
 * for a table that needs more than we know.
 */
export async function readSnapshot(table: LakeTable, version?: number, known: Snapshot | null = null): Promise<Snapshot | null> {
  const { replay, ...start } = known === null ? await startOfReplay(table, version) : { replay: copyOf(known.state), next: known.version + 1 };
  let { next } = start;
  for (; version === undefined || next <= version; next += 1) {
    const actions = await readCommit(table, next);
    if (actions === null) break;
    for (const action of actions) apply(table, replay, action);
  }
  if (version !== undefined && next !== version + 1) {
    throw new CodedError({
      code: "dataset_missing",
      message: `The table has no version ${version}${next === 0 ? "" : `, its newest is ${next - 1}`}`,
      place: table.path,
      remedy: "Check that this executor's lake is the one that the run's environment uses.",
    });
  }
  return next === 0 ? null : finish(table, replay, next - 1);
}

async function startOfReplay(table: LakeTable, version: number | undefined): Promise<{ replay: Replay; next: number }> {
  const replay: Replay = { metadata: null, adds: new Map(), removes: new Map(), txns: new Map() };
  const checkpoint = await findCheckpoint(table, version);
  if (checkpoint === null) return { replay, next: 0 };
  for await (const action of readCheckpoint(table, checkpoint)) apply(table, replay, action);
  return { replay, next: checkpoint.version + 1 };
}

function copyOf({ metadata, adds, removes, txns }: LogState): Replay {
  return { metadata, adds: new Map(adds), removes: new Map(removes), txns: new Map(txns) };
}

interface Replay extends Omit<LogState, "metadata"> {
  metadata: MetadataAction | null;
}

function apply(table: LakeTable, replay: Replay, action: Action): void {
  if (action.protocol) refuseUnknownProtocol(table, action.protocol);
  if (action.metaData) {
    refuseUnknownConfiguration(table, action.metaData);
    replay.metadata = action.metaData;
  }
  if (action.txn) replay.txns.set(action.txn.appId, action.txn);
  if (action.add) {
    replay.adds.set(action.add.path, action.add);
    replay.removes.delete(action.add.path);
  }
  if (action.remove) {
    replay.adds.delete(action.remove.path);
    replay.removes.set(action.remove.path, action.remove);
  }
}

function finish(table: LakeTable, { metadata, adds, removes, txns }: Replay, version: number): Snapshot {
  if (metadata === null) {
    throw new CodedError({
      code: "lake_unsupported",
      message: "The table's log holds no metadata",
      place: table.path,
      remedy: "The log is damaged: restore it, or publish into a new table.",
    });
  }
  return {
    version,
    columns: parseSchema(table.path, metadata.schemaString),
    partition_columns: metadata.partitionColumns,
    files: [...adds.values()].map(lakeFile).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    txns: Object.fromEntries([...txns.values()].map((txn) => [txn.appId, Number(txn.version)])),
    state: { metadata, adds, removes, txns },
  };
}

/** A file of the table as its readers see it. */
export function lakeFile(add: AddAction): LakeFile {
  const rows = add.stats ? (JSON.parse(add.stats) as { numRecords?: number }).numRecords : undefined;
  return {
    path: decodeURIComponent(add.path),
    size: add.size,
    rows: rows ?? null,
    stats: add.stats ?? null,
    partition_values: add.partitionValues,
    slice: sliceOfTags(add.tags),
  };
}
