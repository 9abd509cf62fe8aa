import { expect, test } from "vitest";
import { lineHash, parseLineRange } from "./line-range.ts";

test("a link to lines says the same lines again, whichever end was clicked first", () => {
  expect(parseLineRange("#L120-L140")).toEqual({ from: 120, to: 140 });
  expect(parseLineRange("140-120")).toEqual({ from: 120, to: 140 });
  expect(parseLineRange(" 7 ")).toEqual({ from: 7, to: 7 });
  for (const range of [{ from: 1, to: 1 }, { from: 120, to: 140 }]) expect(parseLineRange(lineHash(range))).toEqual(range);
});

test("what names no line is no range", () => {
  for (const text of ["", "#", "#L", "#L0", "L1-", "#phase", "1234567890", "1-2-3", "-4"]) expect(parseLineRange(text), text).toBeNull();
});
