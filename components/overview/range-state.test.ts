import { expect, test } from "vitest";
import { ranges, windowOf } from "./range-state";

const now = Date.parse("2026-11-28T06:41:30.250Z");
const iso = (at: number) => new Date(at).toISOString();

test("every range ends now, begins on a step and has few enough bars to be told apart", () => {
  for (const range of ranges) {
    const { from, to, step } = windowOf({ range, from: null, to: null }, now);
    expect(to).toBe(now);
    expect(from % step).toBe(0);
    expect((to - from) / step).toBeGreaterThan(20);
    expect((to - from) / step).toBeLessThanOrEqual(37);
  }
  expect(iso(windowOf({ range: "24h", from: null, to: null }, now).from)).toBe("2026-11-27T06:00:00.000Z");
});

test("a range of one's own holds where it is one, and never reaches beyond now", () => {
  const own = windowOf({ range: "24h", from: new Date("2026-11-01"), to: new Date("2026-11-08") }, now);
  expect([own.custom, iso(own.from), iso(own.to)]).toEqual([true, "2026-11-01T00:00:00.000Z", "2026-11-08T00:00:00.000Z"]);
  expect(windowOf({ range: "24h", from: new Date("2026-11-28"), to: new Date("2030-01-01") }, now)).toMatchObject({ custom: true, to: now });
  for (const [from, to] of [[new Date("2026-11-08"), new Date("2026-11-01")], [new Date("2030-01-01"), new Date("2031-01-01")], [new Date("2026-11-08"), null]] as const) expect(windowOf({ range: "1h", from, to }, now).custom).toBe(false);
});
