import { expect, test } from "vitest";
import { dayIn, daysAround, isDay, turned } from "./calendar-days";

test("a month shows whole weeks from Monday, as many as it touches", () => {
  expect([daysAround("2026-11-28", "month").at(0), daysAround("2026-11-28", "month").at(-1), daysAround("2026-11-28", "month").length]).toEqual(["2026-10-26", "2026-12-06", 42]);
  // February 2027 begins on a Monday and has four weeks.
  expect(daysAround("2027-02-10", "month")).toHaveLength(28);
  expect(daysAround("2026-11-29", "week")).toEqual(["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28", "2026-11-29"]);
});

test("one turns by months and weeks, over the ends of years and from long months to short ones", () => {
  expect([turned("2026-12-31", "month", 1), turned("2026-01-31", "month", 1), turned("2026-01-15", "month", -1)]).toEqual(["2027-01-01", "2026-02-01", "2025-12-01"]);
  expect(turned("2026-12-28", "week", 1)).toBe("2027-01-04");
});

test("a moment lies on the day of the zone in which it is looked at", () => {
  expect(["UTC", "Asia/Tokyo", "America/New_York"].map((zone) => dayIn("2026-11-28T23:30:00Z", zone))).toEqual(["2026-11-28", "2026-11-29", "2026-11-28"]);
  expect(dayIn("2026-11-28T02:30:00Z", "America/New_York")).toBe("2026-11-27");
});

test("only what is a day is taken from an address", () => {
  expect(["2026-11-28", "2026-02-30", "2026-13-01", "tomorrow", undefined].map(isDay)).toEqual([true, false, false, false, false]);
});
