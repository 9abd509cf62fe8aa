import { randomInt } from "node:crypto";
import { tmpdir } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { CodedError } from "../storage/coded-error.ts";
import { CHECKPOINT_EVERY, writeCheckpoint } from "./checkpoint.ts";
import { type Action, type CommitInfo, type LakeTable, PROTOCOL, SOURCE_MARK, type WriterMark, putCommit, readCommit } from "./delta-log.ts";
import type { LakeColumn } from "./delta-types.ts";
import { changedMetadata, newMetadata } from "./evolve.ts";
import { type LoggedCommit, planFiles } from "./plan.ts";
import { type LakeFile, type Snapshot, readSnapshot } from "./snapshot.ts";
import { tagsOf } from "./sliced-table.ts";
import type { StagedFile } from "./stage.ts";

/** Another holder has taken over: this one must stop and write nothing more. */
export class FencedError extends CodedError {
  constructor(table: LakeTable, fence: number, seen: number) {
    super({
      code: "lease_lost",
      message: `A newer attempt (fence ${seen}) has taken over from this one (fence ${fence})`,
      place: table.path,
      remedy: "Stop this attempt; the run goes on elsewhere.",
    });
    this.name = "FencedError";
  }
}

export interface CommitRequest {
  table: LakeTable;
  /** rewrite: the same rows in other files; where a source stands stays. */
  mode: "overwrite" | "append" | "rewrite";
  /** Names the writer; fences are compared within one name. */
  app_id: string;
  /** Grows with every new holder of the table, over runs and attempts. */
  fence: number;
  run_id: string;
  phase: string;
  /** All columns in order, partition columns included. */
  columns: LakeColumn[];
  partition_columns: string[];
  /** Names of the table's present files say that these stay. */
  files: (Pick<StagedFile, "path" | "byte_size" | "stats" | "partition_values" | "slice"> & { sha256?: string })[];
  /** Values of the partition columns of files that do not bring their own; text as Delta writes it. */
  partition_values?: Record<string, string | null>;
  /** Up to where a source has landed in this version. An overwrite without it voids what earlier versions said. */
  source?: { app_id: string; version: number } | null;
  /**
   * The registered version that this commit follows; -1 where none was ever registered. Later commits of other runs
   * of ours were never registered and are undone. Left out, the commit follows whatever is newest.
   */
  base_version?: number;
  /** `add`: new columns only. `replace`: any change (overwrite's default). */
  schema_change?: "add" | "replace";
  signal?: AbortSignal;
  /** Folder for the checkpoint's unfinished file. */
  scratch?: string;
  log?: (message: string) => void;
}

export interface CommitOutcome {
  version: number;
  /** True: an earlier attempt of the same run and phase had committed already, nothing was written now. */
  adopted: boolean;
  files: LakeFile[];
  rows: number;
  bytes: number;
}

/** A position that no longer holds. */
const VOID = -1;
const MAX_LOST_RACES = 200;
/** How far back a commit without a base looks for its own earlier work. */
const LOOK_BACK = 100;

/**
 * Commits staged files as the table's next version (the table is made when it is missing).
 *
 * One holder at a time: a holder first commits an empty `txn(app_id, fence)`. A holder with a lower fence then loses
 * put-if-absent, reads the log again, sees the higher fence and throws FencedError (`lease_lost`). A lost race is
 * otherwise retried against the new state. Throws `lake_conflict` when somebody else changed the table in a way that
 * this commit would undo, and `lake_unsupported` for a table that needs more than we know.
 */
export async function commitTable(request: CommitRequest): Promise<CommitOutcome> {
  const { table, fence, app_id, signal } = request;
  let snapshot = await readSnapshot(table);
  const base = request.base_version ?? snapshot?.version ?? -1;
  const commitsUntil = commitsAfter(table, request.base_version ?? Math.max(-1, base - LOOK_BACK));
  if (base > (snapshot?.version ?? -1)) throw baseMissing(table, base, snapshot?.version ?? -1);

  for (let lost = 0; lost <= MAX_LOST_RACES; ) {
    signal?.throwIfAborted();
    const head = snapshot?.version ?? -1;
    const seen = snapshot?.txns[app_id] ?? -1;
    if (seen > fence) throw new FencedError(table, fence, seen);
    const commits = await commitsUntil(head);
    const mine = commits.find(({ mark }) => mark?.kind === "data" && mark.run_id === request.run_id && mark.phase === request.phase);
    if (mine !== undefined) return adoptVersion(table, mine.version);

    const fencing = seen < fence;
    const actions = fencing
      ? fenceActions(request, snapshot)
      : await dataActions(request, snapshot as Snapshot, commits, base);
    if (await putCommit(table, head + 1, actions)) {
      await checkpointWhenDue(request, head + 1);
      if (!fencing) return outcome((await readSnapshot(table, head + 1, snapshot)) as Snapshot, false);
    } else {
      lost += 1;
      await wait(randomInt(2, 10 + Math.min(lost, 20) * 5));
    }
    snapshot = await readSnapshot(table, undefined, snapshot);
  }
  throw new CodedError({
    code: "lake_conflict",
    message: `Lost the race for the next version ${MAX_LOST_RACES} times`,
    place: table.path,
    remedy: "Let fewer writers write this table at once.",
    retryable: true,
  });
}

function fenceActions(request: CommitRequest, snapshot: Snapshot | null): Action[] {
  const now = Date.now();
  const actions: Action[] = [
    { commitInfo: commitInfo(request, "fence", now) },
    { txn: { appId: request.app_id, version: request.fence, lastUpdated: now } },
  ];
  if (snapshot === null) {
    actions.push({ protocol: PROTOCOL }, { metaData: newMetadata(request.columns, request.partition_columns, now) });
  }
  return actions;
}

async function dataActions(request: CommitRequest, head: Snapshot, commits: LoggedCommit[], base: number): Promise<Action[]> {
  const { table, mode } = request;
  const now = Date.now();
  const since = commits.filter(({ version }) => version > base);
  const undo = request.base_version !== undefined;
  const change = request.schema_change ?? (mode === "append" ? "add" : "replace");
  const metaData = changedMetadata(table.path, head, request.columns, request.partition_columns, change);
  const values = request.partition_values ?? {};
  const adds = request.files.map((file) => ({
    path: file.path,
    partitionValues: Object.fromEntries(request.partition_columns.map((name) => [name, file.partition_values?.[name] ?? values[name] ?? null])),
    size: file.byte_size,
    modificationTime: now,
    dataChange: mode !== "rewrite",
    stats: file.stats,
    ...tagsOf(file),
  }));
  const baseSnapshot = undo && base >= 0 && mode !== "overwrite" ? await readSnapshot(table, base) : null;
  return [
    { commitInfo: commitInfo(request, "data", now) },
    { txn: { appId: request.app_id, version: request.fence, lastUpdated: now } },
    ...sourceActions(request, head, undo ? baseSnapshot : head, now),
    ...(metaData === null ? [] : [{ metaData }]),
    ...planFiles({ place: table.path, mode, head, base: baseSnapshot, since, undo, adds, now }),
  ];
}

/**
 * Rows and the position that they stand for are one commit. Rows that are replaced or undone take their position with them;
 * an append keeps that of what it follows.
 */
function sourceActions({ mode, source }: CommitRequest, head: Snapshot, followed: Snapshot | null, now: number): Action[] {
  const kept = Object.entries(mode === "overwrite" ? {} : (followed?.txns ?? {})).filter(([name]) => name.startsWith(SOURCE_MARK));
  const wanted = new Map([...kept, ...(source == null ? [] : [[source.app_id, source.version] as const])]);
  const names = new Set([...Object.keys(head.txns).filter((name) => name.startsWith(SOURCE_MARK)), ...wanted.keys()]);
  return [...names].flatMap((appId) => {
    const version = wanted.get(appId) ?? VOID;
    return version === (head.txns[appId] ?? VOID) ? [] : [{ txn: { appId, version, lastUpdated: now } }];
  });
}

function commitInfo(request: CommitRequest, kind: WriterMark["kind"], now: number): CommitInfo {
  const { run_id, phase, app_id, fence } = request;
  return {
    timestamp: now,
    ...(request.mode === "rewrite" && kind === "data"
      ? { operation: "OPTIMIZE", operationParameters: { predicate: "[]" } }
      : { operation: "WRITE", operationParameters: { mode: request.mode === "append" || kind === "fence" ? "Append" : "Overwrite" } }),
    engineInfo: "lakehouse-control-room",
    controlRoom: { kind, run_id, phase, app_id, fence },
  };
}

/** The commits after a version, each read once however often the race is lost. */
function commitsAfter(table: LakeTable, after: number): (head: number) => Promise<LoggedCommit[]> {
  const found: LoggedCommit[] = [];
  let next = after + 1;
  return async (head) => {
    for (; next <= head; next += 1) {
      const actions = await readCommit(table, next);
      if (actions === null) continue;
      const info = actions.find((action) => action.commitInfo)?.commitInfo;
      found.push({ version: next, mark: info?.controlRoom ?? null, actions });
    }
    return found;
  };
}

async function adoptVersion(table: LakeTable, version: number): Promise<CommitOutcome> {
  return outcome((await readSnapshot(table, version)) as Snapshot, true);
}

function outcome(snapshot: Snapshot, adopted: boolean): CommitOutcome {
  return {
    version: snapshot.version,
    adopted,
    files: snapshot.files,
    rows: snapshot.files.reduce((sum, file) => sum + (file.rows ?? 0), 0),
    bytes: snapshot.files.reduce((sum, file) => sum + file.size, 0),
  };
}

/** The version stands whether or not its checkpoint can be written: a failure is logged, the next one covers it. */
async function checkpointWhenDue(request: CommitRequest, version: number): Promise<void> {
  if (version === 0 || version % CHECKPOINT_EVERY !== 0) return;
  const options = { scratch: request.scratch ?? tmpdir(), signal: request.signal ?? new AbortController().signal, now: Date.now() };
  await writeCheckpoint(request.table, version, options).catch((error: unknown) => {
    request.log?.(`checkpoint of version ${version} was not written: ${error instanceof Error ? error.message : String(error)}`);
  });
}

function baseMissing(table: LakeTable, base: number, head: number): CodedError {
  return new CodedError({
    code: "lake_conflict",
    message: `The registered version ${base} is not in the table's log, which ends at ${head}`,
    place: table.path,
    remedy: "Check that this executor's lake is the one that the run's environment uses.",
  });
}
