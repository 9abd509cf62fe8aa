import { expect, test } from "vitest";
import { cronWarnings, describeCron, presets } from "./cron-words.ts";

test("the patterns that people write are said as a sentence", () => {
  expect(Object.fromEntries(["* * * * *", "*/15 * * * *", "0 * * * *", "20 * * * *", "30 2 * * *", "30 2 * * 1-5", "0 6,18 * * *", "0 6 * * 1", "0 6 * * MON,THU", "0 6 1,15 * *", "0 6 1 1,7 *", "0 6 13 * 5", "0 */4 * * *", "*/10 8-17 * * 1-5", "0 0 * * 0", "0 0 * * 7"].map((cron) => [cron, describeCron(cron)]))).toEqual({
    "* * * * *": "Every minute",
    "*/15 * * * *": "Every 15 minutes",
    "0 * * * *": "Every hour, on the hour",
    "20 * * * *": "Every hour at minute 20",
    "30 2 * * *": "Every day at 02:30",
    "30 2 * * 1-5": "At 02:30 from Monday to Friday",
    "0 6,18 * * *": "Every day at 06:00 and 18:00",
    "0 6 * * 1": "At 06:00 every Monday",
    "0 6 * * MON,THU": "At 06:00 every Monday and Thursday",
    "0 6 1,15 * *": "At 06:00 on day 1 and 15 of the month",
    "0 6 1 1,7 *": "At 06:00 on day 1 of the month in January and July",
    "0 6 13 * 5": "At 06:00 on day 13 of the month and every Friday",
    "0 */4 * * *": "Every 4 hours, on the hour",
    "*/10 8-17 * * 1-5": "Every 10 minutes from 08:00 to 17:59 from Monday to Friday",
    "0 0 * * 0": "At 00:00 every Sunday",
    "0 0 * * 7": "At 00:00 every Sunday",
  });
  expect(presets.map(({ cron }) => describeCron(cron))).not.toContain(null);
});

test("what a sentence would only blur has none", () => {
  expect(["0 0 L * *", "0 0 * * 5#2", "*/7 * * * *", "0 */5 * * *", "0 0 */2 * *", "61 * * * *", "0 6 * *", ""].map(describeCron)).toEqual(Array.from({ length: 8 }, () => null));
});

test("a pattern that may not be meant is warned of", () => {
  const now = Date.UTC(2026, 0, 1);
  expect(cronWarnings({ cron: "0 6 13 * 5", time_zone: "UTC" }, now)).toEqual([expect.stringContaining("either of them")]);
  expect(cronWarnings({ cron: "*/2 * * * *", time_zone: "UTC" }, now)).toEqual([expect.stringContaining("five minutes")]);
  expect(cronWarnings({ cron: "0 6 * * *", time_zone: "UTC", end_at: "2026-01-01T05:00:00Z" }, now)).toEqual([expect.stringContaining("never run")]);
  expect(cronWarnings({ cron: "*/5 * * * *", time_zone: "UTC" }, now)).toEqual([]);
});
