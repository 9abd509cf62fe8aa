import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, CanonicalJsonError, jsonPointer } from "./canonical.ts";

const jsonValue = fc.jsonValue({ maxDepth: 5 });

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== "object") return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value).reverse()) copy[key] = shuffled(item);
  return copy;
}

describe("canonical JSON", () => {
  test("is the example of RFC 8785", () => {
    const value = { numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001], string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/", literals: [null, true, false] };
    expect(canonicalJson(value)).toBe('{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}');
  });

  test("sorts keys by UTF-16 code units, as RFC 8785 does", () => {
    const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
    expect(Object.values(JSON.parse(canonicalJson(value)) as object)).toEqual([4, 2, 6, 7, 1, 5, 3]);
    expect(canonicalJson({ b: 1, a: 2, "10": 3, "9": 4 })).toBe('{"10":3,"9":4,"a":2,"b":1}');
  });

  test("does not depend on the order in which keys were written", () => {
    fc.assert(fc.property(jsonValue, (value) => canonicalJson(shuffled(value)) === canonicalJson(value)));
  });

  test("parses back to the same value, and is its own canonical form", () => {
    fc.assert(fc.property(jsonValue, (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }));
  });

  test("leaves undefined properties out and prints -0 as 0", () => {
    expect(canonicalJson({ a: undefined, b: -0 })).toBe('{"b":0}');
  });

  test.each([
    ["NaN", { a: [1, Number.NaN] }, "/a/1"],
    ["an infinity", { a: Number.POSITIVE_INFINITY }, "/a"],
    ["a lone surrogate", { a: { "b/c": "x\ud800" } }, "/a/b~1c"],
    ["a lone surrogate in a key", { "\udc00": 1 }, "/\udc00"],
    ["a bigint", [1n], "/0"],
    ["undefined in an array", [undefined], "/0"],
    ["a hole in an array", Object.assign([1], { 2: 2 }), "/1"],
    ["a Date", { at: new Date(0) }, "/at"],
    ["a Map", { at: new Map() }, "/at"],
  ])("refuses %s and names its place", (_name, value, path) => {
    expect(() => canonicalJson(value)).toThrow(CanonicalJsonError);
    try { canonicalJson(value); } catch (error) { expect((error as CanonicalJsonError).path).toBe(path); }
  });

  test("refuses a value that contains itself instead of overflowing the stack", () => {
    const value: Record<string, unknown> = {};
    value["self"] = value;
    expect(() => canonicalJson(value)).toThrow(/contains itself/);
  });

  test("escapes pointers", () => {
    expect(jsonPointer(["a/b", 0, "~"])).toBe("/a~1b/0/~0");
  });
});
