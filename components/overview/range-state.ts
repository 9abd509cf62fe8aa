import { createLoader, parseAsIsoDateTime, parseAsStringLiteral } from "nuqs/server";
import { rangeMilliseconds, rangeWords, type RangeWord } from "@/components/runs/words";

export const ranges = Object.keys(rangeWords) as RangeWord[];
export const standardRange: RangeWord = "24h";

/** The range of the overview in the URL: one of the usual, or two moments. */
export const rangeParsers = { range: parseAsStringLiteral(ranges).withDefault(standardRange), from: parseAsIsoDateTime, to: parseAsIsoDateTime };
export const loadRange = createLoader(rangeParsers);
export type RangeState = Awaited<ReturnType<typeof loadRange>>;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** The steps of a chart: the first that makes no more bars than these. */
const steps = [minute, 2 * minute, 5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 6 * hour, 12 * hour, day, 7 * day, 30 * day, 365 * day];
const mostBars = 36;

export interface RangeWindow {
  /** Unix milliseconds; `from` lies on a step. */
  from: number;
  to: number;
  step: number;
  custom: boolean;
}

/** What a range means at `now`: it begins on a step, so that a bar keeps its runs while time goes on, and ends now at the latest. */
export function windowOf({ range, from, to }: Pick<RangeState, "range" | "from" | "to">, now: number): RangeWindow {
  const custom = from !== null && to !== null && from.getTime() < Math.min(to.getTime(), now);
  const end = custom ? Math.min(to.getTime(), now) : now;
  const begin = custom ? from.getTime() : now - rangeMilliseconds[range];
  const step = steps.find((each) => (end - begin) / each <= mostBars) ?? Math.ceil((end - begin) / mostBars);
  return { from: Math.floor(begin / step) * step, to: end, step, custom };
}
