import { sameDivision, type KeySlice } from "../engines/key-slices.ts";
import type { LakeFile, Snapshot } from "./snapshot.ts";
import type { StagedFile } from "./stage.ts";

type Tagged = KeySlice & { sha256: string };
const SLICE = "controlRoom.slice";
const SHA256 = "controlRoom.sha256";
const MADE_OF = "controlRoom.madeOf";

/** What a file's entry in the log says beside Delta's own words: which slice it is, its hash and of what it was made, so that a later run can keep it unread. */
export function tagsOf({ slice, sha256 }: { slice?: KeySlice | undefined; sha256?: string | undefined }): { tags?: Record<string, string> } {
  return slice === undefined || sha256 === undefined ? {} : { tags: { [SLICE]: `${slice.shift}:${slice.number}`, [SHA256]: sha256, ...(slice.made_of === undefined ? {} : { [MADE_OF]: slice.made_of }) } };
}

export function sliceOfTags(tags: Record<string, string> | null | undefined): Tagged | null {
  const match = /^(\d{1,2}):(\d{1,15})$/.exec(tags?.[SLICE] ?? "");
  const sha256 = tags?.[SHA256];
  const made_of = tags?.[MADE_OF];
  return match === null || sha256 === undefined ? null : { shift: Number(match[1]), number: Number(match[2]), sha256, ...(made_of === undefined ? {} : { made_of }) };
}

/** The same as parts of a file to be committed. */
export function sliceTagged(tags: Record<string, string> | null | undefined): { slice?: KeySlice; sha256?: string } {
  const found = sliceOfTags(tags);
  return found === null ? {} : sliceAndHash(found);
}

function sliceAndHash({ sha256, ...slice }: Tagged): { slice: KeySlice; sha256: string } {
  return { slice, sha256 };
}

/** A table that is divided by its key. */
export interface SlicedTable {
  shift: number;
  /** By number. */
  slices: Map<number, SlicedFile>;
}
export interface SlicedFile {
  file: LakeFile;
  rows: number;
  /** As a phase stages it. */
  staged: StagedFile;
}

/** The table as slices; null where another program, an append or a compaction has left files that are none. */
export function slicedTable(snapshot: Snapshot): SlicedTable | null {
  const shift = snapshot.files[0]?.slice?.shift;
  if (shift === undefined) return null;
  const slices: SlicedTable["slices"] = new Map();
  for (const file of snapshot.files) {
    if (file.slice?.shift !== shift || file.rows === null || file.stats === null || slices.has(file.slice.number)) return null;
    const staged = { path: file.path, byte_size: file.size, row_count: file.rows, stats: file.stats, ...sliceAndHash(file.slice) };
    slices.set(file.slice.number, { file, rows: file.rows, staged });
  }
  return { shift, slices };
}

/** The files of slices that a merge has not touched; null where its rows are now to be divided otherwise, so that all must be written. */
export function keptSlices({ shift, slices }: SlicedTable, touched: number[], written: { number: number; rows: number }[]): StagedFile[] | null {
  const kept = [...slices].filter(([number]) => !touched.includes(number));
  const rows = [...kept.map(([, slice]) => slice), ...written].reduce((sum, slice) => sum + slice.rows, 0);
  const last = Math.max(-1, ...kept.map(([number]) => number), ...written.map(({ number }) => number));
  return sameDivision(shift, rows, last) ? kept.map(([, { staged }]) => staged) : null;
}
