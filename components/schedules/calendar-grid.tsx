"use client";

import { CalendarClock, TriangleAlert } from "lucide-react";
import { Link } from "@/components/common/link";
import { useNow } from "@/components/common/now";
import { usePreferences } from "@/components/common/preferences";
import { cn } from "@/lib/cn";
import { groupBy } from "@/lib/group-by";
import { locale } from "@/lib/messages/language";
import { words } from "@/lib/messages/schedules";
import type { CalendarEntry } from "@/lib/ops/calendar";
import { type Day, dayIn } from "./calendar-days";
import { clockChangeWords, outcomeWords } from "./words";

type CalendarGridProps = { days: readonly Day[]; entries: readonly CalendarEntry[]; /** Days of other months are dimmed. */ month: string | null; zone: "mine" | "schedule" };

const shownADay = 4;
const coming = { icon: CalendarClock, word: words.calendarGrid.toCome, tone: "text-muted-foreground" };
const weekday = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" });
const dayWords = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
const noon = (day: Day) => Date.parse(`${day}T12:00:00Z`);

/** Days side by side, each with the times that fire on it: in the reader's zone, or each in the zone of its schedule. */
export function CalendarGrid({ days, entries, month, zone }: CalendarGridProps) {
  const now = useNow("half_minute");
  const { times } = usePreferences();
  // The server knows no reader's zone: it draws UTC, and the browser draws its own.
  const mine = now === null || times === "utc" ? "UTC" : undefined;
  const today = now === null ? null : dayIn(new Date(now).toISOString(), mine);
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone: mine });
  const name = zone === "schedule" ? words.calendarGrid.ofEachSchedule : (mine ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const placed = groupBy(entries, (entry) => (zone === "schedule" ? entry.local_time.slice(0, 10) : dayIn(entry.at, mine)));
  const timeOf = (entry: CalendarEntry) => (zone === "schedule" ? entry.local_time.slice(11, 16) : clock.format(Date.parse(entry.at)));
  return (
    <div className="grid gap-2">
      <p className="text-xs text-muted-foreground">{words.calendarGrid.timesInTheZone(name)}{entries.length === 0 ? ` ${words.calendarGrid.noScheduleFiresOnTheseDays}` : null}</p>
      <div className="hidden grid-cols-7 gap-px text-xs text-muted-foreground md:grid" aria-hidden>{days.slice(0, 7).map((day) => <span key={day} className="px-1.5">{weekday.format(noon(day))}</span>)}</div>
      <ol className={cn("grid gap-px overflow-hidden rounded-md border bg-border md:grid-cols-7", entries.length === 0 && "max-md:hidden")}>
        {days.map((day) => {
          const here = placed.get(day) ?? [];
          return (
            <li key={day} aria-label={dayWords.format(noon(day))} aria-current={day === today ? "date" : undefined} className={cn("min-w-0 bg-background p-1 md:min-h-24", here.length === 0 && "max-md:hidden", month !== null && !day.startsWith(month) && "bg-muted")}>
              <p className={cn("px-0.5 text-xs tabular-nums", day === today ? "font-semibold text-link" : "text-muted-foreground")}>
                <span className="md:hidden">{dayWords.format(noon(day))}</span>
                <span className="max-md:hidden">{Number(day.slice(8))}</span>
              </p>
              <ul className="grid">{here.slice(0, shownADay).map((entry) => <Entry key={`${entry.schedule_id} ${entry.at}`} entry={entry} time={timeOf(entry)} />)}</ul>
              {here.length > shownADay ? (
                <details className="text-xs">
                  <summary className="min-h-6 cursor-pointer content-center px-0.5 text-link">{words.calendarGrid.more(here.length - shownADay)}</summary>
                  <ul className="grid">{here.slice(shownADay).map((entry) => <Entry key={`${entry.schedule_id} ${entry.at}`} entry={entry} time={timeOf(entry)} />)}</ul>
                </details>
              ) : null}
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function Entry({ entry, time }: { entry: CalendarEntry; time: string }) {
  const { outcome } = entry;
  const { icon: Icon, word: told, tone } = outcome === null ? coming : outcomeWords[outcome];
  return (
    <li className="min-w-0">
      <Link href={entry.run_id === null ? `/schedules/${entry.schedule_id}` : `/runs/${entry.run_id}`} title={`${entry.name}: ${told}. ${entry.local_time} ${entry.time_zone}`} className="flex min-h-6 items-center gap-1 rounded-sm px-0.5 text-xs hover:bg-accent">
        <Icon className={cn("size-3 shrink-0", tone)} aria-hidden />
        <span className="shrink-0 tabular-nums">{time}</span>
        <span className="truncate">{entry.name}</span>
        <span className="sr-only">, {told}</span>
        {entry.clock_change === null ? null : <><TriangleAlert className="size-3 shrink-0 text-warning" aria-hidden /><span className="sr-only">, {clockChangeWords[entry.clock_change]}</span></>}
      </Link>
    </li>
  );
}
