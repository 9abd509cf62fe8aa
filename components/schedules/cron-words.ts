import { previewTimes, type Times } from "@/contracts/cron";
import { formatList } from "@/lib/format";
import { words } from "@/lib/messages/schedules";

/** The patterns that most schedules are, each a start to write on. */
export const presets: readonly { word: string; cron: string }[] = [
  { word: words.cron.hourly, cron: "0 * * * *" },
  { word: words.cron.daily, cron: "0 6 * * *" },
  { word: words.cron.weekdays, cron: "0 6 * * 1-5" },
  { word: words.cron.weekly, cron: "0 6 * * 1" },
  { word: words.cron.monthly, cron: "0 6 1 * *" },
];
export const fieldNames = Object.values(words.cron.fields);

const days = Object.values(words.cron.days);
const months = Object.values(words.cron.months);
const dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const monthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/** What a field says: everything, every n-th from the field's beginning, or named values in order. */
type Field = { kind: "all" } | { kind: "step"; by: number } | { kind: "values"; values: number[] };

/** Null where the field says more than lists, ranges and steps (L, W, #). */
function readField(text: string, from: number, to: number, names: readonly string[] = []): Field | null {
  if (text === "*") return { kind: "all" };
  const step = /^\*\/(\d{1,2})$/.exec(text);
  if (step !== null) return Number(step[1]) === 1 ? { kind: "all" } : { kind: "step", by: Number(step[1]) };
  const number = (word: string): number => (/^\d{1,2}$/.test(word) ? Number(word) : names.includes(word.toUpperCase()) ? names.indexOf(word.toUpperCase()) + from : Number.NaN);
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [, first = "", last = first, by = "1"] = /^(\w+)(?:-(\w+))?(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    const [low, high] = [number(first), number(last)];
    if (Number.isNaN(low) || Number.isNaN(high) || low < from || high > to || low > high || Number(by) < 1 || (by !== "1" && first === last)) return null;
    for (let value = low; value <= high; value += Number(by)) values.add(value);
  }
  return { kind: "values", values: [...values].toSorted((a, b) => a - b) };
}

const two = (value: number) => String(value).padStart(2, "0");
const clocksNamed = 6;

/** Cron of five fields as a sentence; null where it says what a sentence would only blur. */
export function describeCron(cron: string): string | null {
  const parts = cron.trim().split(/\s+/);
  if (parts.length !== 5) return null;
  const [m = "", h = "", d = "", mo = "", w = ""] = parts;
  const minute = readField(m, 0, 59);
  const hour = readField(h, 0, 23);
  const day = readField(d, 1, 31);
  const month = readField(mo, 1, 12, monthNames);
  const weekday = readField(w, 0, 7, dayNames);
  if (minute === null || hour === null || day === null || month === null || weekday === null) return null;
  const time = timeWords(minute, hour);
  const on = dayWords(day, weekday);
  if (time === null || on === null) return null;
  const inMonths = month.kind === "all" ? "" : month.kind === "step" ? null : words.cron.inMonths(formatList(month.values.map((value) => months[value - 1] ?? "")));
  if (inMonths === null) return null;
  const sentence = words.cron.sentence(time.clock && on === "" ? words.cron.everyDay(time.said) : time.said, on, inMonths);
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
}

function timeWords(minute: Field, hour: Field): { said: string; clock: boolean } | null {
  if (hour.kind === "values") {
    if (minute.kind === "values" && minute.values.length * hour.values.length <= clocksNamed) {
      return { said: words.cron.at(formatList(hour.values.flatMap((h) => minute.values.map((m) => `${two(h)}:${two(m)}`)))), clock: true };
    }
    const [first = 0] = hour.values;
    const last = hour.values.at(-1) ?? 0;
    if (minute.kind !== "values" || minute.values.length > clocksNamed) {
      if (last - first !== hour.values.length - 1) return null;
      const often = minute.kind === "all" ? words.cron.everyMinute : minute.kind === "step" && 60 % minute.by === 0 ? words.cron.everyMinutes(minute.by) : null;
      return often === null ? null : { said: words.cron.fromTo(often, two(first), two(last)), clock: false };
    }
    return last - first === hour.values.length - 1 ? { said: words.cron.everyHourFromTo(two(first), two(last), formatList(minute.values.map(String))), clock: false } : null;
  }
  const hours = hour.kind === "all" ? words.cron.everyHour : 24 % hour.by === 0 ? words.cron.everyHours(hour.by) : null;
  if (hours === null) return null;
  if (minute.kind === "values") return minute.values.length > clocksNamed ? null : { said: minute.values.length === 1 && minute.values[0] === 0 ? words.cron.onTheHour(hours) : words.cron.atMinute(hours, formatList(minute.values.map(String))), clock: false };
  if (hour.kind !== "all") return null;
  if (minute.kind === "all") return { said: words.cron.everyMinute, clock: false };
  return 60 % minute.by === 0 ? { said: words.cron.everyMinutes(minute.by), clock: false } : null;
}

/** Both a day of the month and a day of the week: either is enough, as cron has always read it. */
function dayWords(day: Field, weekday: Field): string | null {
  if (day.kind === "step" || weekday.kind === "step") return null;
  const ofMonth = day.kind === "all" ? null : words.cron.onDayOfTheMonth(formatList(day.values.map(String)));
  const ofWeek = weekday.kind === "all" ? null : weekdayWords([...new Set(weekday.values.map((value) => value % 7))].toSorted((a, b) => a - b));
  if (ofMonth !== null && ofWeek !== null) return words.cron.and(ofMonth, ofWeek);
  return ofMonth === null && ofWeek === null ? "" : (ofMonth ?? ofWeek);
}

function weekdayWords(values: number[]): string {
  if (values.join() === "1,2,3,4,5") return words.cron.fromMondayToFriday;
  return words.cron.every(formatList(values.map((value) => days[value] ?? "")));
}

const often = 5 * 60_000;
const looked = 6;

/** What may not be meant, though it can be read. `now` in Unix milliseconds. */
export function cronWarnings(times: Times, now: number): string[] {
  const warnings: string[] = [];
  const [, , day, , weekday] = times.cron.trim().split(/\s+/);
  if (day !== "*" && weekday !== "*") warnings.push(words.cron.aDayOfTheMonth);
  const next = previewTimes(times, new Date(now), looked).map((each) => Date.parse(each.nominal_time));
  if (next.length === 0) warnings.push(words.cron.noTimeIsLeftBetween);
  else if (next.some((at, index) => index > 0 && at - (next[index - 1] ?? 0) < often)) warnings.push(words.cron.itRunsMoreThanOnce);
  return warnings;
}
