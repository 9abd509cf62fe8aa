import { CodedError } from "../storage/coded-error.ts";
import type { Storage } from "../storage/storage.ts";

/** A table: a folder of a storage, with `_delta_log/` in it. */
export interface LakeTable {
  storage: Storage;
  /** Relative to the storage's root, for example `<environment>/silver/partners`. */
  path: string;
}

export interface AddAction {
  path: string;
  partitionValues: Record<string, string | null>;
  size: number;
  modificationTime: number;
  dataChange: boolean;
  /** JSON as text: parsing it would turn bigints into doubles. */
  stats?: string | null;
  /** Facts for writers; readers pass over them. */
  tags?: Record<string, string> | null;
}
export interface RemoveAction {
  path: string;
  deletionTimestamp?: number;
  dataChange: boolean;
  extendedFileMetadata?: boolean;
  partitionValues?: Record<string, string | null>;
  size?: number;
}
export interface MetadataAction {
  id: string;
  name?: string | null;
  description?: string | null;
  format: { provider: string; options?: Record<string, string> };
  schemaString: string;
  partitionColumns: string[];
  configuration?: Record<string, string>;
  createdTime?: number | null;
}
export interface ProtocolAction {
  minReaderVersion: number;
  minWriterVersion: number;
  readerFeatures?: string[] | null;
  writerFeatures?: string[] | null;
}
export interface TxnAction {
  appId: string;
  version: number;
  lastUpdated?: number | null;
}
/** Which run wrote a commit, so that its next attempt finds its own work. */
export interface WriterMark {
  kind: "data" | "fence";
  run_id: string;
  phase: string;
  app_id: string;
  fence: number;
}
export interface CommitInfo {
  timestamp?: number;
  operation?: string;
  operationParameters?: Record<string, unknown>;
  engineInfo?: string;
  controlRoom?: WriterMark;
}

/** One line of the log: exactly one of these. Others (`cdc`, `domainMetadata`, …) need features that are refused. */
export interface Action {
  add?: AddAction | null;
  remove?: RemoveAction | null;
  metaData?: MetadataAction | null;
  protocol?: ProtocolAction | null;
  txn?: TxnAction | null;
  commitInfo?: CommitInfo | null;
}

/** A `txn` whose name begins so says up to where a source has landed in a version; others are fences of writers. */
export const SOURCE_MARK = "source/";
export const PROTOCOL: ProtocolAction = { minReaderVersion: 1, minWriterVersion: 2 };

export function logFolder(table: LakeTable): string {
  return `${table.path}/_delta_log`;
}

export function commitPath(table: LakeTable, version: number): string {
  return `${logFolder(table)}/${String(version).padStart(20, "0")}.json`;
}

/** The actions of one version, or null when it is not in the log. */
export async function readCommit(table: LakeTable, version: number): Promise<Action[] | null> {
  const text = await table.storage.readText(commitPath(table, version));
  if (text === null) return null;
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as Action);
}

/** Puts a version; false when another writer was first. Throws `lake_unsupported` where the storage cannot tell. */
export async function putCommit(table: LakeTable, version: number, actions: Action[]): Promise<boolean> {
  if (!table.storage.exclusive) {
    throw new CodedError({
      code: "lake_unsupported",
      message: "The storage has no conditional writes, so two writers of one table could lose each other's rows",
      place: table.path,
      remedy: "Keep the lake in a folder, or in a store that obeys If-None-Match (AWS, MinIO, R2).",
    });
  }
  return table.storage.putIfAbsent(commitPath(table, version), `${actions.map((action) => JSON.stringify(action)).join("\n")}\n`);
}

/** Throws `lake_unsupported` for a table that says it needs more than protocol (1, 2). */
export function refuseUnknownProtocol(table: LakeTable, protocol: ProtocolAction): void {
  const features = [...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])];
  if (protocol.minReaderVersion <= 1 && protocol.minWriterVersion <= 2 && features.length === 0) return;
  throw new CodedError({
    code: "lake_unsupported",
    message: `The table needs Delta protocol (${protocol.minReaderVersion}, ${protocol.minWriterVersion})${
      features.length > 0 ? ` with ${[...new Set(features)].join(", ")}` : ""
    }; this program knows (1, 2)`,
    place: table.path,
    remedy: "Write it with the engine that upgraded it, or copy it into a new table.",
  });
}

/** Throws `lake_unsupported` for table settings that change how files are read or may be written. */
export function refuseUnknownConfiguration(table: LakeTable, metadata: MetadataAction): void {
  const settings = Object.entries(metadata.configuration ?? {});
  const refused = settings.find(
    ([key, value]) =>
      (key === "delta.columnMapping.mode" && value !== "none") ||
      (key === "delta.appendOnly" && value.toLowerCase() === "true") ||
      (key === "delta.enableChangeDataFeed" && value.toLowerCase() === "true") ||
      key.startsWith("delta.constraints."),
  );
  if (metadata.format.provider === "parquet" && refused === undefined) return;
  throw new CodedError({
    code: "lake_unsupported",
    message: refused === undefined ? `The table holds ${metadata.format.provider} files` : `The table sets ${refused[0]}`,
    place: table.path,
    remedy: "Use a table without this setting.",
  });
}
