import { ChevronLeft, ChevronRight } from "lucide-react";
import type { Metadata } from "next";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { LinkTabs } from "@/components/common/link-tabs";
import { RefusalState } from "@/components/common/refusal-state";
import { daysAround, isDay, turned } from "@/components/schedules/calendar-days";
import { CalendarGrid } from "@/components/schedules/calendar-grid";
import { ClockTabs } from "@/components/schedules/clock-tabs";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";
import { locale } from "@/lib/messages/language";
import { words } from "@/lib/messages/schedules";
import { attempt } from "@/lib/ops/attempt.ts";
import { readCalendar } from "@/lib/ops/calendar.ts";

export const metadata: Metadata = { title: messages.page.calendar };
const dayMs = 86_400_000;
const monthWords = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone: "UTC" });
const dayWords = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

export default async function CalendarPage({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const query = await searchParams;
  const { db, environment } = await openEnvironment(params);
  const now = new Date();
  const view = one(query.by) === "week" ? "week" : "month";
  const zone = one(query.zone) === "schedule" ? "schedule" : "mine";
  const named = one(query.day);
  const day = isDay(named) ? named : now.toISOString().slice(0, 10);
  const days = daysAround(day, view);
  // A day more at each end: somewhere it is already, or still, another day.
  const edge = (at: number, days_on: number) => new Date(Date.parse(`${days.at(at)}T00:00:00Z`) + days_on * dayMs);
  const read = await attempt(() => readCalendar(db, environment.environment_id, edge(0, -1), edge(-1, 2), now));
  const here = (change: Record<string, string>) => {
    const wanted = { day: named ?? "", by: view, zone, ...change };
    const kept = Object.entries(wanted).filter(([name, value]) => value !== "" && !(name === "by" && value === "month") && !(name === "zone" && value === "mine"));
    return `/schedules/calendar${kept.length > 0 ? `?${new URLSearchParams(kept)}` : ""}`;
  };
  const title = view === "month" ? monthWords.format(Date.parse(`${day}T12:00:00Z`)) : words.calendarPage.fromTo(dayWords.format(Date.parse(`${days[0]}T12:00:00Z`)), dayWords.format(Date.parse(`${days[6]}T12:00:00Z`)));
  return (
    <>
      <PageHeader
        title={messages.page.calendar}
        meta={<span>{title}</span>}
        actions={
          <>
            <Button asChild variant="outline" size="sm"><Link href={here({ day: turned(day, view, -1) })} aria-label={words.calendarPage.before(view)}><ChevronLeft aria-hidden /></Link></Button>
            <Button asChild variant="outline" size="sm"><Link href={here({ day: "" })}>{words.calendarPage.today}</Link></Button>
            <Button asChild variant="outline" size="sm"><Link href={here({ day: turned(day, view, 1) })} aria-label={words.calendarPage.after(view)}><ChevronRight aria-hidden /></Link></Button>
          </>
        }
      />
      <ClockTabs current="/schedules/calendar" />
      <div className="flex flex-wrap gap-x-6 gap-y-2">
        <LinkTabs label={words.calendarPage.span} tabs={[{ href: here({ by: "month" }), word: words.calendarPage.month, current: view === "month" }, { href: here({ by: "week" }), word: words.calendarPage.week, current: view === "week" }]} />
        <LinkTabs label={words.calendarPage.zone} tabs={[{ href: here({ zone: "mine" }), word: words.calendarPage.inMyTimes, current: zone === "mine" }, { href: here({ zone: "schedule" }), word: words.calendarPage.inEachSchedulesZone, current: zone === "schedule" }]} />
      </div>
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : read.value.schedules === 0 ? (
        <EmptyState title={words.calendarPage.noScheduleYet} description={words.calendarPage.noScheduleYetDescription} action={<Button asChild variant="outline"><Link href="/schedules">{words.calendarPage.toTheSchedules}</Link></Button>} />
      ) : (
        <>
          <CalendarGrid days={days} entries={read.value.entries} month={view === "month" ? day.slice(0, 7) : null} zone={zone} />
          {read.value.cut.length > 0 ? <p role="status" className="text-xs text-muted-foreground">{words.calendarPage.notEveryTimeIsShown(read.value.cut.join(", "))}</p> : null}
        </>
      )}
    </>
  );
}
