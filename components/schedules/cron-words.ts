import { previewTimes, type Times } from "@/contracts/cron";
import { formatList } from "@/lib/format";

/** The patterns that most schedules are, each a start to write on. */
export const presets: readonly { word: string; cron: string }[] = [
  { word: "Hourly", cron: "0 * * * *" },
  { word: "Daily", cron: "0 6 * * *" },
  { word: "Weekdays", cron: "0 6 * * 1-5" },
  { word: "Weekly", cron: "0 6 * * 1" },
  { word: "Monthly", cron: "0 6 1 * *" },
];
export const fieldNames = ["minute", "hour", "day of month", "month", "day of week"] as const;

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const dayNames = days.map((day) => day.slice(0, 3).toUpperCase());
const monthNames = months.map((month) => month.slice(0, 3).toUpperCase());

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
  const inMonths = month.kind === "all" ? "" : month.kind === "step" ? null : ` in ${formatList(month.values.map((value) => months[value - 1] ?? ""))}`;
  if (inMonths === null) return null;
  const sentence = time.clock && on === "" ? `every day ${time.words}${inMonths}` : `${time.words}${on}${inMonths}`;
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
}

function timeWords(minute: Field, hour: Field): { words: string; clock: boolean } | null {
  if (hour.kind === "values") {
    if (minute.kind === "values" && minute.values.length * hour.values.length <= clocksNamed) {
      return { words: `at ${formatList(hour.values.flatMap((h) => minute.values.map((m) => `${two(h)}:${two(m)}`)))}`, clock: true };
    }
    const [first = 0] = hour.values;
    const last = hour.values.at(-1) ?? 0;
    if (minute.kind !== "values" || minute.values.length > clocksNamed) {
      if (last - first !== hour.values.length - 1) return null;
      const often = minute.kind === "all" ? "every minute" : minute.kind === "step" && 60 % minute.by === 0 ? `every ${minute.by} minutes` : null;
      return often === null ? null : { words: `${often} from ${two(first)}:00 to ${two(last)}:59`, clock: false };
    }
    return last - first === hour.values.length - 1 ? { words: `every hour from ${two(first)} to ${two(last)} at minute ${formatList(minute.values.map(String))}`, clock: false } : null;
  }
  const hours = hour.kind === "all" ? "every hour" : 24 % hour.by === 0 ? `every ${hour.by} hours` : null;
  if (hours === null) return null;
  if (minute.kind === "values") return minute.values.length > clocksNamed ? null : { words: minute.values.length === 1 && minute.values[0] === 0 ? `${hours}, on the hour` : `${hours} at minute ${formatList(minute.values.map(String))}`, clock: false };
  if (hour.kind !== "all") return null;
  if (minute.kind === "all") return { words: "every minute", clock: false };
  return 60 % minute.by === 0 ? { words: `every ${minute.by} minutes`, clock: false } : null;
}

/** Both a day of the month and a day of the week: either is enough, as cron has always read it. */
function dayWords(day: Field, weekday: Field): string | null {
  if (day.kind === "step" || weekday.kind === "step") return null;
  const ofMonth = day.kind === "all" ? null : `on day ${formatList(day.values.map(String))} of the month`;
  const ofWeek = weekday.kind === "all" ? null : weekdayWords([...new Set(weekday.values.map((value) => value % 7))].toSorted((a, b) => a - b));
  if (ofMonth !== null && ofWeek !== null) return ` ${ofMonth} and ${ofWeek}`;
  return ofMonth === null && ofWeek === null ? "" : ` ${ofMonth ?? ofWeek}`;
}

function weekdayWords(values: number[]): string {
  if (values.join() === "1,2,3,4,5") return "from Monday to Friday";
  return `every ${formatList(values.map((value) => days[value] ?? ""))}`;
}

const often = 5 * 60_000;
const looked = 6;

/** What may not be meant, though it can be read. `now` in Unix milliseconds. */
export function cronWarnings(times: Times, now: number): string[] {
  const warnings: string[] = [];
  const [, , day, , weekday] = times.cron.trim().split(/\s+/);
  if (day !== "*" && weekday !== "*") warnings.push("A day of the month and a day of the week are both given: it runs on either of them.");
  const next = previewTimes(times, new Date(now), looked).map((each) => Date.parse(each.nominal_time));
  if (next.length === 0) warnings.push("No time is left between start and end: it will never run.");
  else if (next.some((at, index) => index > 0 && at - (next[index - 1] ?? 0) < often)) warnings.push("It runs more than once in five minutes.");
  return warnings;
}
