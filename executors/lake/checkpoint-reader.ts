import { buffer } from "node:stream/consumers";
import { parquetReadObjects } from "hyparquet";
import { CodedError } from "../storage/coded-error.ts";
import { type Action, type LakeTable, logFolder } from "./delta-log.ts";

/** A checkpoint: the whole state of the log at a version, in one Parquet file or in several parts. */
export interface Checkpoint {
  version: number;
  parts: number | null;
}

export function checkpointPaths(table: LakeTable, { version, parts }: Checkpoint): string[] {
  const stem = `${logFolder(table)}/${String(version).padStart(20, "0")}.checkpoint`;
  if (parts === null) return [`${stem}.parquet`];
  const pad = (part: number): string => String(part).padStart(10, "0");
  return Array.from({ length: parts }, (_, part) => `${stem}.${pad(part + 1)}.${pad(parts)}.parquet`);
}

export function lastCheckpointPath(table: LakeTable): string {
  return `${logFolder(table)}/_last_checkpoint`;
}

/**
 * The newest checkpoint at or before the version. `_last_checkpoint` names the newest of all; the folder is listed only
 * for reading an older version.
 */
export async function findCheckpoint(table: LakeTable, version?: number): Promise<Checkpoint | null> {
  const last = parseLast(await table.storage.readText(lastCheckpointPath(table)));
  if (last === null || version === undefined || last.version <= version) return last;
  let best: Checkpoint | null = null;
  for await (const { path } of table.storage.list(logFolder(table))) {
    const match = /\/(\d{20})\.checkpoint(?:\.\d{10}\.(\d{10}))?\.parquet$/.exec(path);
    if (match === null) continue;
    const found = { version: Number(match[1]), parts: match[2] === undefined ? null : Number(match[2]) };
    if (found.version <= version && found.version > (best?.version ?? -1)) best = found;
  }
  return best;
}

/** The pointer is a hint: one that is missing or half written only costs reading more of the log. */
function parseLast(text: string | null): Checkpoint | null {
  if (text === null) return null;
  try {
    const { version, parts } = JSON.parse(text) as { version?: number; parts?: number | null };
    return Number.isSafeInteger(version) ? { version: version as number, parts: parts ?? null } : null;
  } catch {
    return null;
  }
}

/** The actions of a checkpoint. Throws `lake_unsupported` when a part cannot be read. */
export async function* readCheckpoint(table: LakeTable, checkpoint: Checkpoint): AsyncIterable<Action> {
  for (const path of checkpointPaths(table, checkpoint)) {
    const bytes = await buffer(await table.storage.read(path));
    const file = new Uint8Array(bytes).buffer;
    try {
      for (const row of await parquetReadObjects({ file })) yield plainAction(row);
    } catch (error) {
      throw new CodedError({
        code: "lake_unsupported",
        message: `The checkpoint cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        place: path,
        remedy: "Remove the checkpoint and _last_checkpoint if the log still holds every version.",
        cause: error,
      });
    }
  }
}

/** Parquet gives bigints for INT64, and a map as an object or as a list of entries. */
function plainAction(row: Record<string, unknown>): Action {
  return plain(row) as Action;
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isEntry)) return Object.fromEntries(value.map(({ key, value: held }) => [key, held]));
    return value.map(plain);
  }
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined).map(([key, held]) => [key, plain(held)]));
  }
  return value;
}

function isEntry(value: unknown): value is { key: string; value: string | null } {
  return typeof value === "object" && value !== null && "key" in value && "value" in value;
}
