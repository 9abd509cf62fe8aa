import type { Overview, RunTimes, StatusCounts } from "@/contracts/overview";
import { formatCount, formatDuration, formatShare } from "@/lib/format";
import { words } from "@/lib/messages/overview";

/** A figure of a range, and how it differs from the time before. */
export interface Figure {
  name: string;
  value: string;
  /** Null where one of both times tells nothing. */
  change: { up: boolean; text: string; good: boolean | null } | "same" | null;
  /** What the figure means, where its name does not say it. */
  hint?: string;
  /** The runs that are counted, as a query of the list. */
  status?: "failed";
  alarming?: boolean;
}

/** An executor should have it by then. */
const quickSeconds = 30;

export function totalOf(steps: Overview["steps"]): StatusCounts {
  const total: StatusCounts = {};
  for (const { runs } of steps) for (const [status, count] of Object.entries(runs) as [keyof StatusCounts, number][]) total[status] = (total[status] ?? 0) + count;
  return total;
}
export const sum = (counts: StatusCounts): number => Object.values(counts).reduce((all, count) => all + count, 0);
/** Of those that ended by themselves; null where none did. */
const rate = ({ succeeded = 0, failed = 0 }: StatusCounts): number | null => (succeeded + failed === 0 ? null : succeeded / (succeeded + failed));

export function figuresOf({ steps, before, times, times_before }: Overview): Figure[] {
  const now = totalOf(steps);
  return [
    { name: words.figures.runs, value: formatCount(sum(now)), change: change(sum(now), sum(before), (by) => formatCount(by), ["more", "fewer"]) },
    { name: words.figures.successRate, value: formatShare(rate(now)), change: change(rate(now), rate(before), (by) => words.figures.points((by * 100).toFixed(1)), ["higher", "lower"], "up"), hint: words.figures.succeededOfThoseThatSucceeded },
    { name: words.figures.failed, value: formatCount(now.failed ?? 0), change: change(now.failed ?? 0, before.failed ?? 0, (by) => formatCount(by), ["more", "fewer"], "down"), status: "failed", alarming: (now.failed ?? 0) > 0 },
    timeFigure(words.figures.durationP50, "p50", times, times_before),
    timeFigure(words.figures.durationP95, "p95", times, times_before),
    { ...timeFigure(words.figures.waitForStartP50, "wait_p50", times, times_before), alarming: (times.wait_p50 ?? 0) >= quickSeconds, hint: words.figures.fromQueuedToStarted(quickSeconds) },
  ];
}

function timeFigure(name: string, key: "p50" | "p95" | "wait_p50", now: RunTimes, before: RunTimes): Figure {
  const seconds = now[key];
  const hint = now.runs >= 1000 ? words.figures.ofTheNewestRuns : words.figures.ofTheRunsThatSucceeded(formatCount(now.runs));
  return { name, value: formatDuration(seconds === null ? null : seconds * 1000), change: change(seconds, before[key], (by) => formatDuration(by * 1000), [words.figures.slower, words.figures.faster], "down"), hint };
}

/** `better`: the direction that is good news; without one a change is only news. */
function change(now: number | null, before: number | null, format: (by: number) => string, [more, less]: readonly [string, string], better?: "up" | "down"): Figure["change"] {
  if (now === null || before === null) return null;
  const text = format(Math.abs(now - before));
  if (text === format(0)) return "same";
  const up = now > before;
  return { up, text: `${text} ${up ? more : less}`, good: better === undefined ? null : (better === "up") === up };
}
