import fc from "fast-check";
import { expect, test } from "vitest";
import { parseSeconds, writeSeconds } from "./duration-words.ts";

test("durations are read as people type them", () => {
  expect(["", "90", "90s", "5m", "1h 30m", "1H30M", "2d"].map(parseSeconds)).toEqual([null, 90, 90, 300, 5400, 5400, 172_800]);
  expect(["five", "5 minutes", "-3", "1.5h", "h"].map(parseSeconds)).toEqual(Array(5).fill(undefined));
});

test("what is written is read as the same number", () => {
  fc.assert(fc.property(fc.nat({ max: 10_000_000 }), (value) => {
    expect(parseSeconds(writeSeconds(value))).toBe(value);
  }));
});
