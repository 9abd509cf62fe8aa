import { z } from "zod";
import type { PhaseContext } from "../core/phase.ts";
import { slicedTable, type SlicedTable } from "../lake/sliced-table.ts";
import { type Snapshot, readSnapshot } from "../lake/snapshot.ts";
import type { LandedTable, SourceMark } from "../sources/changed-rows.ts";
import { mapConcurrently } from "./concurrently.ts";
import { FILES_AT_ONCE, lakeTable } from "./staging.ts";

/** Datasets that one call may pin. */
const PINNED_AT_ONCE = 500;

export const sourceMark = z.object({ app_id: z.string(), version: z.int().min(0) });
const marked = z.looseObject({ tables: z.array(z.looseObject({ name: z.string(), mark: sourceMark.nullish() })) });

/** A registered version of a landed table. */
export interface Landed {
  snapshot: Snapshot;
  /** Up to where it has landed, by the name of the mark. */
  marks: Record<string, number>;
  /** How its rows are divided by their key; null where they are one file. */
  sliced: SlicedTable | null;
}

/**
 * The registered versions of datasets: up to where each has landed, and its files. The versions are pinned, so that what is
 * merged into is what was asked here, also in a later attempt.
 */
export async function landedTables(context: PhaseContext<"ingest">, names: string[]): Promise<Map<string, Landed>> {
  const landed = new Map<string, Landed>();
  for (let at = 0; at < names.length; at += PINNED_AT_ONCE) {
    const versions = await context.pinDatasets(names.slice(at, at + PINNED_AT_ONCE));
    await mapConcurrently([...versions.values()], FILES_AT_ONCE, async ({ name, table_version }) => {
      const snapshot = await readSnapshot(await lakeTable(context.lake.read_root, name), Number(table_version));
      if (snapshot === null) return;
      const marks = Object.fromEntries(Object.entries(snapshot.txns).filter(([, version]) => version >= 0));
      landed.set(name, { snapshot, marks, sliced: slicedTable(snapshot) });
    });
  }
  return landed;
}

/** What a source is asked to build on. */
export function landedSince(landed: Landed | undefined, app_id: string): LandedTable | null {
  const version = landed?.marks[app_id];
  if (landed === undefined || version === undefined) return null;
  const rows = landed.sliced === null ? null : new Map([...landed.sliced.slices].map(([number, slice]) => [number, slice.rows]));
  return { version, slices: rows === null ? null : { shift: landed.sliced!.shift, rows } };
}

/** What the run's landings of changes and of files recorded of where the source stood, by dataset. */
export async function recordedMarks(context: PhaseContext<"publish">): Promise<Map<string, SourceMark>> {
  const marks = new Map<string, SourceMark>();
  for (const phase of context.spec.phases) {
    if (phase.type !== "ingest" || ("mode" in phase.config && phase.config.mode === "full") || phase.for_each !== undefined || !context.upstream.has(phase.name)) continue;
    const recorded = marked.safeParse(await context.pinSource(phase.name, {}));
    for (const { name, mark } of recorded.data?.tables ?? []) if (mark != null) marks.set(name, mark);
  }
  return marks;
}
