"use client";

import { Link } from "@/components/common/link";
import { useNow } from "@/components/common/now";
import { usePreferences } from "@/components/common/preferences";
import { runStatusLooks } from "@/components/common/status-looks";
import { Tooltip } from "@/components/ui/tooltip";
import type { Overview, StatusCounts } from "@/contracts/overview";
import type { RunStatus } from "@/contracts/run";
import { runStatuses } from "@/contracts/words";
import { cn } from "@/lib/cn";
import { formatCount, formatList } from "@/lib/format";
import { locale } from "@/lib/messages/language";
import { words } from "@/lib/messages/overview";
import { sum, totalOf } from "./figures";

type StatusBarsProps = {
  steps: Overview["steps"];
  /** Milliseconds. */
  step: number;
  /** Unix milliseconds: where the last bar ends. */
  to: number;
  /** Names the whole range for the runs list. */
  query: string;
};

/** From the ground up: what needs eyes stands on it. */
const stacked: readonly RunStatus[] = ["failed", "canceled", "succeeded", "running", "claimed", "queued"];
const dayMs = 86_400_000;

/** Runs by status over time. Each bar is a link to its runs, each status of the legend to the range's. */
export function StatusBars({ steps, step, to, query }: StatusBarsProps) {
  const label = useLabels(step);
  const total = totalOf(steps);
  const highest = Math.max(1, ...steps.map(({ runs }) => sum(runs)));
  return (
    <figure className="grid gap-2">
      <ol className="flex h-36 items-end gap-px border-b" aria-label={words.statusBars.runsByStatusOverTime}>
        {steps.map(({ starts_at, runs }) => {
          const from = Date.parse(starts_at);
          const end = Math.min(from + step, to);
          const count = sum(runs);
          const told = `${label.span(from, end)}: ${wordsOf(runs)}`;
          return (
            <li key={starts_at} className="h-full flex-1">
              <Tooltip content={told}>
                <Link href={`/runs?${new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(from + step).toISOString() })}`} aria-label={told} className="group flex h-full flex-col-reverse hover:bg-muted focus-visible:-outline-offset-1" prefetch={false}>
                  {count === 0 ? <span className="h-px bg-border" /> : stacked.map((status) => runs[status] ? <span key={status} className={cn("min-h-0.5 first:rounded-none last:rounded-t-xs group-hover:opacity-80", runStatusLooks[status].fill)} style={{ height: `${(runs[status] / highest) * 100}%` }} /> : null)}
                </Link>
              </Tooltip>
            </li>
          );
        })}
      </ol>
      <div className="flex justify-between text-2xs text-muted-foreground tabular-nums" aria-hidden>
        {[0, 0.5, 1].map((share) => <span key={share}>{label.axis(share === 1 ? to : (Date.parse(steps[Math.floor(share * steps.length)]?.starts_at ?? "") || to))}</span>)}
      </div>
      <figcaption className="flex flex-wrap gap-x-4 gap-y-1 text-xs">
        {runStatuses.filter((status) => (total[status] ?? 0) > 0).map((status) => (
          <Link key={status} href={`/runs?status=${status}&${query}`} className="inline-flex min-h-6 items-center gap-1.5 hover:text-link hover:underline">
            <span className={cn("size-2.5 rounded-xs", runStatusLooks[status].fill)} aria-hidden />
            {runStatusLooks[status].word}
            <span className="text-muted-foreground tabular-nums">{formatCount(total[status])}</span>
          </Link>
        ))}
      </figcaption>
    </figure>
  );
}

/** "12 succeeded and 1 failed" */
function wordsOf(runs: StatusCounts): string {
  const parts = runStatuses.flatMap((status) => (runs[status] ? [`${formatCount(runs[status])} ${runStatusLooks[status].word.toLowerCase()}`] : []));
  return parts.length === 0 ? words.statusBars.noRun : formatList(parts);
}

/** Moments in the zone that the reader chose, with its name; in UTC until the browser knows it. */
function useLabels(step: number) {
  const { times } = usePreferences();
  const timeZone = useNow("half_minute") === null || times === "utc" ? "UTC" : undefined;
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone });
  const moment = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone });
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZoneName: "short", timeZone });
  const axis = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short", timeZone });
  return {
    axis: (at: number) => axis.format(at),
    span: (from: number, to: number) => (step < dayMs ? `${moment.format(from)} – ${clock.format(to)}` : `${day.format(from)}, ${clock.format(from)} – ${day.format(to)}, ${clock.format(to)}`),
  };
}
