import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inSlices, MOST_SLICES, ROWS_PER_SLICE, sameDivision, sliceShift } from "./key-slices.ts";

describe("how a table is divided by its key", () => {
  test("a table that fits into one file is one, and one with dense keys has about a row group in each", () => {
    expect(sliceShift(ROWS_PER_SLICE, 10n ** 9n)).toBeNull();
    expect(sliceShift(ROWS_PER_SLICE + 1, BigInt(ROWS_PER_SLICE + 1))).toBe(17);
    expect(sliceShift(10_000_000, 10_000_000n)).toBe(17);
  });

  test("however large or sparse its keys are, a table has at most as many slices as a commit may name", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), (rows, largest) => {
      const shift = sliceShift(rows, largest);
      if (shift !== null) expect(Number(largest >> BigInt(shift))).toBeLessThan(MOST_SLICES);
    }));
  });

  test("the last slice tells as much of the division as the largest key does", () => {
    fc.assert(fc.property(fc.integer({ min: ROWS_PER_SLICE + 1, max: 2 ** 40 }), fc.bigInt({ min: BigInt(ROWS_PER_SLICE), max: 2n ** 63n - 1n }), (rows, largest) => {
      const shift = sliceShift(rows, largest)!;
      expect(sameDivision(shift, rows, Number(largest >> BigInt(shift)))).toBe(true);
      expect(sameDivision(shift + 1, rows, Number(largest >> BigInt(shift + 1)))).toBe(false);
    }));
  });

  test("neighbours are one range, and the first slice holds keys below zero and none", () => {
    expect(inSlices("id", 17, [3, 0, 1])).toBe("(id < 262144 or id is null or id >= 393216 and id <= 524287)");
    expect(inSlices("id", 62, [1])).toBe("(id >= 4611686018427387904 and id <= 9223372036854775807)");
    expect(inSlices("id", 17, [])).toBe("false");
  });
});
