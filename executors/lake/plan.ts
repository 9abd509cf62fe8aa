import { CodedError } from "../storage/coded-error.ts";
import type { Action, AddAction, RemoveAction, WriterMark } from "./delta-log.ts";
import type { Snapshot } from "./snapshot.ts";

/** One version of the log as a later writer sees it. */
export interface LoggedCommit {
  version: number;
  /** Null for a commit of another program. */
  mark: WriterMark | null;
  actions: Action[];
}

/**
 * The `add` and `remove` actions that lead from the newest state to the wanted one: the new files alone (overwrite),
 * or what the base held, what other programs appended since, and the new files (append). Commits of our own writers
 * after the base were never registered, so nobody has read them: they are undone. Throws `lake_conflict` when another
 * program changed what this commit builds on.
 */
export function planFiles(options: {
  place: string;
  mode: "overwrite" | "append" | "rewrite";
  /** Newest state. */
  head: Snapshot;
  /** State of the registered version; null where there is none, or where the commit follows the newest state. */
  base: Snapshot | null;
  /** Commits after the base. */
  since: LoggedCommit[];
  /** Undo our own unregistered commits. */
  undo: boolean;
  adds: AddAction[];
  now: number;
}): Action[] {
  const { head, adds, now } = options;
  const data = options.since.filter(({ mark, actions }) => mark?.kind !== "fence" && actions.some((action) => action.add || action.remove || action.metaData));
  const foreign = options.undo ? data.filter(({ mark }) => mark === null) : data;
  refuseConflicts(options.place, options.mode, foreign);

  const active = head.state.adds;
  const wanted = new Map<string, AddAction>();
  if (options.mode === "append") {
    const undone = options.undo && data.length > foreign.length;
    if (undone) {
      for (const [path, add] of options.base?.state.adds ?? []) wanted.set(path, add);
      for (const add of foreign.flatMap(({ actions }) => actions.flatMap((action) => action.add ?? []))) wanted.set(add.path, add);
    } else for (const [path, add] of active) wanted.set(path, add);
  }
  for (const add of adds) wanted.set(add.path, add);

  const dataChange = options.mode !== "rewrite";
  const removed = [...active.values()].filter((add) => !wanted.has(add.path)).map((add) => ({ remove: { ...removeAction(add, now), dataChange } }));
  const added = [...wanted.values()].filter((add) => !sameValues(active.get(add.path), add)).map((add) => ({ add: { ...add, dataChange } }));
  return [...removed, ...added];
}

/** A file that is in the table already and says the same of itself needs no word. */
function sameValues(present: AddAction | undefined, add: AddAction): boolean {
  return present !== undefined && sameEntries(present.partitionValues, add.partitionValues) && sameEntries(present.tags ?? {}, add.tags ?? {});
}

function sameEntries(one: Record<string, string | null>, other: Record<string, string | null>): boolean {
  const named = Object.entries(other);
  return named.length === Object.keys(one).length && named.every(([name, value]) => one[name] === value);
}

function refuseConflicts(place: string, mode: "overwrite" | "append" | "rewrite", foreign: LoggedCommit[]): void {
  // An append of ours beside any commit of ours is ordered by the log alone: it lands after it.
  const wrong = foreign.find(({ mark, actions }) =>
    mode !== "append" ? true : mark === null && actions.some((action) => action.remove || action.metaData),
  );
  if (wrong === undefined) return;
  throw new CodedError({
    code: "lake_conflict",
    message: `Version ${wrong.version} of the table was written by ${wrong.mark === null ? "another program" : `run ${wrong.mark.run_id}`} after this run had read it`,
    place,
    remedy: "Run it again, so that it reads the newest version; let one writer at a time overwrite a table.",
    retryable: false,
  });
}

function removeAction(add: AddAction, now: number): RemoveAction {
  return {
    path: add.path,
    deletionTimestamp: now,
    dataChange: true,
    extendedFileMetadata: true,
    partitionValues: add.partitionValues,
    size: add.size,
  };
}
