import { type LakeTable, readCommit } from "./delta-log.ts";
import { readSnapshot } from "./snapshot.ts";

export interface VacuumOutcome {
  removed: number;
  /** Bytes of what was removed. */
  bytes: number;
  kept: number;
}

/**
 * Removes files of the table's folder that no version from `kept_from` on names and that are older than `before`; younger ones
 * may be staged by a run that has not published yet. Whoever calls it holds the table, so that nobody commits meanwhile.
 * `kept_from` is -1 where no version was ever registered: everything that the log ever named then stays.
 */
export async function vacuumTable(table: LakeTable, options: { kept_from: number; before: Date; signal?: AbortSignal }): Promise<VacuumOutcome> {
  const needed = await filesSince(table, options.kept_from);
  const outcome: VacuumOutcome = { removed: 0, bytes: 0, kept: 0 };
  for await (const object of table.storage.list(table.path)) {
    options.signal?.throwIfAborted();
    const path = object.path.slice(table.path.length + 1);
    // `_delta_log` and what other programs keep beside it: Delta's readers pass over such names as well.
    if (/^[_.]/.test(path)) continue;
    if (needed.has(path) || object.modified_at >= options.before) {
      outcome.kept += 1;
      continue;
    }
    await table.storage.remove(object.path);
    outcome.removed += 1;
    outcome.bytes += object.size;
  }
  return outcome;
}

/** Every file that a version from this one on holds or held. */
async function filesSince(table: LakeTable, version: number): Promise<Set<string>> {
  const files = version < 0 ? [] : ((await readSnapshot(table, version))?.files ?? []);
  const needed = new Set(files.map((file) => file.path));
  for (let next = version + 1; ; next += 1) {
    const actions = await readCommit(table, next);
    if (actions === null) return needed;
    for (const { add } of actions) if (add) needed.add(decodeURIComponent(add.path));
  }
}
