import { DateTime } from "luxon";
import { describe, expect, test } from "vitest";
import { momentIn, nominalTimes, previewTimes, timesMistake } from "./cron.ts";
import { fillScheduleWords } from "./schedule.ts";

// luxon is the second opinion: it shares no code with croner.
const zones = [
  "UTC", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "Europe/Dublin", "Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Jerusalem", "Asia/Kolkata",
  "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Auckland", "Pacific/Chatham", "America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Havana", "America/Santiago", "America/Nuuk",
];
const days = 400;
const begin = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

/** The first moments after each change of the zone's offset. */
function transitions(zone: string): { at: number; gap: number }[] {
  const offset = (time: number): number => DateTime.fromMillis(time, { zone }).offset * 60_000;
  const found: { at: number; gap: number }[] = [];
  for (let day = 0; day < days; day += 1) {
    let [low, high] = [begin + day * 24 * hour, begin + (day + 1) * 24 * hour];
    const gap = offset(high) - offset(low);
    if (gap === 0) continue;
    while (high - low > 1000) {
      const middle = low + Math.floor((high - low) / 2000) * 1000;
      if (offset(middle) === offset(low)) low = middle;
      else high = middle;
    }
    found.push({ at: high, gap });
  }
  return found;
}

/**
 * When a local time of a day happens: the first of two, or the first moment after the gap that swallows it. Null where that
 * gap ends at midnight: the day is over then, and has no such time (America/Nuuk goes from 23:00 to 0:00).
 */
function momentOf(zone: string, date: DateTime, at: { hour: number; minute: number }, changes: { at: number; gap: number }[]): number | null {
  const wanted = DateTime.fromObject({ year: date.year, month: date.month, day: date.day, ...at }, { zone });
  if (wanted.hour !== at.hour || wanted.minute !== at.minute) {
    const change = changes.find((each) => each.gap > 0 && Math.abs(each.at - wanted.toMillis()) <= 3 * hour);
    expect(change, `${zone} has a gap on ${date.toISODate()}`).toBeDefined();
    return change !== undefined && DateTime.fromMillis(change.at, { zone }).day === date.day ? change.at : null;
  }
  for (const back of [60, 30]) {
    const earlier = wanted.minus({ minutes: back });
    if (earlier.hour === at.hour && earlier.minute === at.minute && earlier.day === wanted.day) return earlier.toMillis();
  }
  return wanted.toMillis();
}

describe.each(zones)("%s", (zone) => {
  const changes = transitions(zone);
  // The local times that the changes touch.
  const touched = changes.map(({ at, gap }) => DateTime.fromMillis(gap > 0 ? at - 1 : at, { zone }).plus(gap > 0 ? 0 : Math.abs(gap) / 2 - 60_000)).map((local) => (local.minute === 59 ? { hour: (local.hour + 1) % 24, minute: 15 } : { hour: local.hour, minute: local.minute }));
  const times = [...new Map([...touched, ...(touched.length === 0 ? [{ hour: 2, minute: 30 }] : [])].map((time) => [`${time.hour}:${time.minute}`, time])).values()].slice(0, 2);

  test.each(times)("a day has its $hour:$minute once, for 400 days", (at) => {
    const all: (number | null)[] = [];
    for (let date = DateTime.fromMillis(begin, { zone }).startOf("day"), day = 0; day < days; day += 1, date = date.plus({ days: 1 })) all.push(momentOf(zone, date, at, changes));
    const expected = all.filter((each) => each !== null);
    expect(expected.length).toBeGreaterThanOrEqual(days - (zone === "America/Nuuk" ? 1 : 0));
    const [first = 0] = expected;
    const found: number[] = [];
    for (const time of nominalTimes({ cron: `${at.minute} ${at.hour} * * *`, time_zone: zone }, new Date(first - 1))) {
      found.push(time.getTime());
      if (found.length >= expected.length) break;
    }
    expect(found).toEqual(expected);
  });

  test("every half hour goes on by elapsed time through each change of the clock", () => {
    for (const { at } of changes) {
      const expected: number[] = [];
      for (let time = at - 6 * hour; time <= at + 6 * hour; time += 15 * 60_000) if (DateTime.fromMillis(time, { zone }).minute % 30 === 0) expected.push(time);
      const found: number[] = [];
      for (const time of nominalTimes({ cron: "*/30 * * * *", time_zone: zone }, new Date(at - 6 * hour - 1))) {
        if (time.getTime() > at + 6 * hour) break;
        found.push(time.getTime());
      }
      expect(found).toEqual(expected);
    }
  });
});

test("a preview shows the local time, and what a change of the clock touches", () => {
  const berlin = { cron: "30 2 * * *", time_zone: "Europe/Berlin" };
  expect(previewTimes(berlin, new Date("2026-03-28T00:00:00Z"), 3)).toEqual([
    { nominal_time: "2026-03-28T01:30:00.000Z", local_time: "2026-03-28T02:30:00+01:00", clock_change: null },
    { nominal_time: "2026-03-29T01:00:00.000Z", local_time: "2026-03-29T03:00:00+02:00", clock_change: "gap" },
    { nominal_time: "2026-03-30T00:30:00.000Z", local_time: "2026-03-30T02:30:00+02:00", clock_change: null },
  ]);
  expect(previewTimes(berlin, new Date("2026-10-24T12:00:00Z"), 2)).toMatchObject([{ nominal_time: "2026-10-25T00:30:00.000Z", local_time: "2026-10-25T02:30:00+02:00", clock_change: "fold" }, { nominal_time: "2026-10-26T01:30:00.000Z", clock_change: null }]);
  expect(previewTimes({ cron: "0 * * * *", time_zone: "Europe/Berlin" }, new Date("2026-10-24T23:30:00Z"), 3).map((time) => time.clock_change)).toEqual(["fold", "fold", null]);
  expect(previewTimes({ cron: "0 12 * * *", time_zone: "America/St_Johns" }, new Date("2026-01-01T00:00:00Z"), 1)).toMatchObject([{ local_time: "2026-01-01T12:00:00-03:30" }]);
});

test("a list of hours is read as fixed times, and two that fall together fire once", () => {
  const times = (after: string, count: number) => previewTimes({ cron: "0 2,3 * * *", time_zone: "Europe/Berlin" }, new Date(after), count).map((time) => time.nominal_time.slice(0, 16));
  expect(times("2026-03-28T12:00:00Z", 2)).toEqual(["2026-03-29T01:00", "2026-03-30T00:00"]);
  expect(times("2026-10-24T12:00:00Z", 3)).toEqual(["2026-10-25T00:00", "2026-10-25T02:00", "2026-10-26T01:00"]);
});

test("start is included, end is not, and times that never come are told", () => {
  const times = { cron: "0 * * * *", time_zone: "UTC", start_at: "2026-01-01T01:00:00Z", end_at: "2026-01-01T03:00:00Z" };
  expect([...nominalTimes(times, new Date(0))].map((time) => time.toISOString())).toEqual(["2026-01-01T01:00:00.000Z", "2026-01-01T02:00:00.000Z"]);
  expect(timesMistake({ cron: "0 0 30 2 *", time_zone: "UTC" })).toMatchObject({ field: "cron", code: "never" });
  for (const cron of ["", "* * * *", "* * * * * *", "@daily", "61 * * * *", "a b c d e", "0 0 * * 9"]) expect(timesMistake({ cron, time_zone: "UTC" }), cron).toMatchObject({ field: "cron", code: "invalid_cron" });
  for (const time_zone of ["", "+02:00", "Mars/Olympus"]) expect(timesMistake({ cron: "* * * * *", time_zone }), time_zone).toMatchObject({ field: "time_zone" });
  for (const time_zone of ["UTC", "Europe/Brussels", "America/Argentina/Buenos_Aires", "Etc/GMT+5"]) expect(timesMistake({ cron: "* * * * *", time_zone }), time_zone).toBeNull();
});

test("words of a schedule are filled in wherever they stand", () => {
  const words = { nominal_time: "2026-01-01T00:00:00Z", nominal_date: "2026-01-01" };
  expect(fillScheduleWords({ a: "${{ schedule.nominal_date }}/x", b: { c: ["${{schedule.nominal_time}}", 1] }, d: "${{ other }}" }, words)).toEqual({ a: "2026-01-01/x", b: { c: ["2026-01-01T00:00:00Z", 1] }, d: "${{ other }}" });
});

test("a day begins where cron's midnight is, also where the clock jumps over it or comes to it twice", () => {
  for (const zone of ["Europe/Berlin", "Africa/Cairo", "Asia/Beirut", "America/Havana", "America/Santiago"]) {
    const midnights = nominalTimes({ cron: "0 0 * * *", time_zone: zone }, new Date(begin + 12 * hour));
    for (let day = 1; day < 366; day += 1) {
      const date = new Date(begin + day * 24 * hour).toISOString().slice(0, 10);
      expect(momentIn(zone, `${date}T00:00:00`), `${date} in ${zone}`).toEqual(midnights.next().value);
    }
  }
});
