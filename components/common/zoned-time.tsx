import { localTime } from "@/contracts/cron";
import { cn } from "@/lib/cn";
import { locale } from "@/lib/messages/language";

const dayFormat = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** RFC 3339 with an offset → `Mon, 30 Nov 2026, 02:30 (UTC+01:00)`: the local time as it is written there, wherever it is read. */
export function localWords(local: string): string {
  const [, day = "", clock = "", offset = ""] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(.*)$/.exec(local) ?? [];
  return `${dayFormat.format(Date.parse(`${day}T00:00:00Z`))}, ${clock} (UTC${offset === "+00:00" ? "" : offset})`;
}

/** A moment where the zone of a thing matters more than the reader's: the beginning of a schedule's day. */
export function ZonedTime({ at, timeZone, className }: { at: string; timeZone: string; className?: string }) {
  const moment = new Date(at);
  return <time dateTime={moment.toISOString()} title={moment.toISOString()} className={cn("whitespace-nowrap tabular-nums", className)}>{localWords(localTime(moment, timeZone))}</time>;
}
