import { expect, test } from "vitest";
import { changedFields } from "./changed-fields";

test("only what differs is shown, whatever the order of keys; what was or is not there is nothing", () => {
  expect(changedFields({ a: 1, b: { x: 1, y: 2 }, c: "old" }, { b: { y: 2, x: 1 }, c: "new", a: 1, d: null, e: [1] })).toEqual([{ field: "c", before: "old", after: "new" }, { field: "e", before: null, after: "[1]" }]);
  expect(changedFields(null, { a: true })).toEqual([{ field: "a", before: null, after: "true" }]);
  expect(changedFields("x", null)).toEqual([{ field: "value", before: "x", after: null }]);
  expect(changedFields(null, undefined)).toEqual([]);
});
