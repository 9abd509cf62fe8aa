import type { StagedFile } from "../core/phase.ts";
import type { CopyResult, EngineView, SlicesBefore } from "../engines/duckdb-job.ts";
import { slicedTable, type SlicedTable } from "../lake/sliced-table.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { mapConcurrently } from "./concurrently.ts";
import type { PhaseScope } from "./engine.ts";
import { FILES_AT_ONCE, lakeTable } from "./staging.ts";

/** How a table that is written anew lies in the lake, and what of it the engine may leave as it is. */
export interface LyingTable {
  sliced: SlicedTable | null;
  before: SlicesBefore | "undivided" | null;
}

/**
 * The newest files of tables that a transform overwrites. Nobody reads rows of them: a slice that says to be made of what it would be made of
 * now is the file that would be written. So it does not matter whether the version was ever registered, and the run is not pinned to it. A
 * verification writes into a place of its own, where nothing lies.
 */
export async function lyingTables(context: PhaseScope, tables: { name: string; mode: string }[], views: EngineView[]): Promise<Map<string, LyingTable>> {
  // Only slices of another table give slices of this one.
  if (!views.some(({ parts }) => parts.some(({ slices }) => slices !== undefined && slices.length > 0))) return new Map();
  const overwritten = tables.filter(({ mode }) => mode === "overwrite");
  return new Map(await mapConcurrently(overwritten, FILES_AT_ONCE, async ({ name }): Promise<[string, LyingTable]> => {
    // What the last table leaves as it is nobody reads.
    const read = name !== tables.at(-1)?.name;
    const table = await lakeTable(context.lake.write_root, name);
    const snapshot = await readSnapshot(table);
    if (snapshot === null || snapshot.files.length === 0) return [name, { sliced: null, before: null }];
    const sliced = slicedTable(snapshot);
    if (sliced === null) return [name, { sliced, before: "undivided" }];
    const slices = await mapConcurrently([...sliced.slices], FILES_AT_ONCE, async ([number, { file, rows, staged }]) => {
      const path = `${table.path}/${file.path}`;
      // A cleanup may have taken a file that no registered version has.
      const lies = (await table.storage.stat(path)) !== null;
      return { number, rows, made_of: lies ? (staged.slice?.made_of ?? null) : null, file: lies && read ? await table.storage.localFile(path, context.scratch) : null, sha256: staged.sha256 };
    });
    return [name, { sliced, before: { shift: sliced.shift, slices } }];
  }));
}

/** Those that a later step may read. */
export function filesOf({ before }: LyingTable): string[] {
  return typeof before === "object" ? (before?.slices ?? []).flatMap(({ file }) => file ?? []) : [];
}

/** The files that the engine left as they are. */
export function keptOf(lying: LyingTable | undefined, written: CopyResult): StagedFile[] {
  const touched = written.slices?.touched;
  if (lying?.sliced == null || touched == null) return [];
  return [...lying.sliced.slices].flatMap(([number, { staged }]) => (touched.includes(number) ? [] : staged));
}
