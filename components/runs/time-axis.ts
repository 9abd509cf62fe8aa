import type { TimelineRow } from "./timeline-model";

/** A stretch of time in which nothing ran, in Unix milliseconds. */
export interface Gap { from: number; to: number }
export interface Axis {
  /** Where a moment stands on the axis, 0 to 1; what lies beyond its ends stands at them. */
  place: (at: number) => number;
  /** The moment at a place from 0 to 1. */
  timeAt: (place: number) => number;
  /** Stretches that are drawn shorter than they were. */
  squeezed: Gap[];
}

/** A gap is worth squeezing from this share of the axis on, and takes this much of what ran. */
const wideGap = 0.08;
const gapWidth = 0.03;

/** Stretches between `from` and `to` in which no phase ran: between attempts, or while an executor was waited for. */
export function idleGaps(rows: readonly TimelineRow[], from: number, to: number): Gap[] {
  const busy = rows.flatMap(({ segments }) => segments.filter(({ kind }) => kind !== "waiting")).toSorted((a, b) => a.from - b.from);
  const gaps: Gap[] = [];
  let end = from;
  for (const segment of busy) {
    if (segment.from > end) gaps.push({ from: end, to: Math.min(segment.from, to) });
    end = Math.max(end, segment.to);
    if (end >= to) break;
  }
  if (end < to) gaps.push({ from: end, to });
  return gaps.filter((gap) => gap.to > gap.from);
}

/** The axis from `from` to `to` (Unix milliseconds); with `squeeze` long gaps are drawn short, so that what ran has the room. */
export function axisOf(rows: readonly TimelineRow[], from: number, to: number, squeeze: boolean): Axis {
  const span = Math.max(1, to - from);
  const squeezed = squeeze ? idleGaps(rows, from, to).filter((gap) => gap.to - gap.from >= span * wideGap) : [];
  const ran = span - squeezed.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  // Where nothing ran at all there is nothing to make room for.
  if (squeezed.length === 0 || ran <= 0) return { squeezed: [], place: (at) => Math.min(1, Math.max(0, (at - from) / span)), timeAt: (place) => from + place * span };
  const short = ran * gapWidth;
  const pieces: { from: number; to: number; start: number; width: number }[] = [];
  let [at, start] = [from, 0];
  const add = (end: number, width: number) => {
    if (end > at) pieces.push({ from: at, to: end, start, width });
    [at, start] = [end, start + (end > at ? width : 0)];
  };
  for (const gap of squeezed) {
    add(gap.from, gap.from - at);
    add(gap.to, short);
  }
  add(to, to - at);
  const total = start;
  return {
    squeezed,
    place(moment) {
      const piece = pieces.findLast((each) => moment >= each.from) ?? pieces[0]!;
      const share = Math.min(1, Math.max(0, (moment - piece.from) / (piece.to - piece.from)));
      return (piece.start + share * piece.width) / total;
    },
    timeAt(place) {
      const piece = pieces.findLast((each) => place * total >= each.start) ?? pieces[0]!;
      return piece.from + Math.min(1, (place * total - piece.start) / piece.width) * (piece.to - piece.from);
    },
  };
}

/** The part of an axis that is looked at, in shares of the run's whole time. */
export interface Window { from: number; to: number }
export const wholeWindow: Window = { from: 0, to: 1 };
const narrowest = 1 / 256;

/** Half as much around the middle, or twice as much. */
export function zoomWindow({ from, to }: Window, by: "in" | "out"): Window {
  const width = Math.min(1, Math.max(narrowest, (to - from) * (by === "in" ? 0.5 : 2)));
  const start = Math.min(1 - width, Math.max(0, (from + to - width) / 2));
  return { from: start, to: start + width };
}

/** Half a window further. */
export function moveWindow({ from, to }: Window, by: -1 | 1): Window {
  const width = to - from;
  const start = Math.min(1 - width, Math.max(0, from + (by * width) / 2));
  return { from: start, to: start + width };
}
