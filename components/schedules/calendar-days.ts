/** A day as `2026-11-28`. */
export type Day = string;

const dayMs = 86_400_000;
const middle = (day: Day) => Date.parse(`${day}T12:00:00Z`);
const dayOf = (moment: number): Day => new Date(moment).toISOString().slice(0, 10);

export function isDay(text: string | undefined): text is Day {
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(middle(text)) && dayOf(middle(text)) === text;
}

/** The days that a month or week shows around a day: whole weeks, from Monday. */
export function daysAround(day: Day, view: "month" | "week"): Day[] {
  const first = view === "week" ? day : `${day.slice(0, 8)}01`;
  const monday = middle(first) - ((new Date(middle(first)).getUTCDay() + 6) % 7) * dayMs;
  const last = view === "week" ? monday + 6 * dayMs : middle(monthOn(first, 1)) - dayMs;
  const weeks = Math.floor((last - monday) / (7 * dayMs)) + 1;
  return Array.from({ length: weeks * 7 }, (_, nth) => dayOf(monday + nth * dayMs));
}

/** The same week or the first of the month, `steps` of them on. */
export function turned(day: Day, view: "month" | "week", steps: number): Day {
  return view === "week" ? dayOf(middle(day) + steps * 7 * dayMs) : monthOn(day, steps);
}

function monthOn(day: Day, steps: number): Day {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return dayOf(Date.UTC(year, month - 1 + steps, 1, 12));
}

const zonedDay = new Map<string, Intl.DateTimeFormat>();
/** The day of a moment in a zone; undefined: the browser's own. */
export function dayIn(moment: string, zone: string | undefined): Day {
  const key = zone ?? "";
  const format = zonedDay.get(key) ?? new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone });
  zonedDay.set(key, format);
  return format.format(Date.parse(moment));
}
