import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "./canonical.ts";
import { canonicalLines, diffJson, plainText, plainValue } from "./json-diff.ts";

const jsonValue = fc.jsonValue({ maxDepth: 4 });
const word = fc.string({ minLength: 1, maxLength: 8 });

function permuted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(permuted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).reverse().map(([key, item]) => [key, permuted(item)]));
}

describe("a diff", () => {
  test("finds nothing between a value and itself with its keys permuted", () => {
    fc.assert(fc.property(jsonValue, (value) => { expect(diffJson(value, permuted(value))).toEqual([]); }), { numRuns: 200 });
  });

  test("finds something exactly where the canonical forms differ", () => {
    const plain = jsonValue.filter((value) => JSON.stringify(value) === JSON.stringify(value).normalize("NFC"));
    fc.assert(fc.property(plain, plain, (a, b) => {
      expect(diffJson(a, b, { volatile: [], identity: [] }).length === 0).toBe(canonicalJson(a) === canonicalJson(b));
    }), { numRuns: 300 });
  });

  test("tells which member was added, removed and changed, whatever the order of keys", () => {
    const before = { b: { x: 1, y: 2 }, a: "old", "s/t": true };
    const after = { a: "new", b: { z: 3, x: 1 }, "s/t": true };
    const expected = [
      { path: "/a", kind: "changed", before: "old", after: "new" },
      { path: "/b/y", kind: "removed", before: 2 },
      { path: "/b/z", kind: "added", after: 3 },
    ];
    expect(diffJson(before, after)).toEqual(expected);
    expect(diffJson(permuted(before), permuted(after))).toEqual(expected);
  });

  test("ignores volatile keys at any depth", () => {
    expect(diffJson({ at: [{ id: 1, updated_at: "2026-01-01" }] }, { at: [{ id: 1, updated_at: "2026-02-02" }] })).toEqual([]);
    expect(diffJson({ at: 1 }, { at: 2 }, { volatile: ["at"] })).toEqual([]);
  });

  test("matches items by their identity, so that a moved item is no difference and a changed one is named", () => {
    const items = fc.uniqueArray(fc.record({ id: fc.nat(), title: word }), { selector: (item) => item.id, maxLength: 8 });
    fc.assert(fc.property(items, fc.infiniteStream(fc.nat()), (list, order) => {
      const shuffled = list.map((item) => ({ item, by: order.next().value as number })).toSorted((a, b) => a.by - b.by).map(({ item }) => item);
      expect(diffJson({ list }, { list: shuffled })).toEqual([]);
    }), { numRuns: 100 });
    expect(diffJson({ list: [{ name: "a", n: 1 }, { name: "b", n: 2 }] }, { list: [{ name: "b", n: 3 }, { name: "c", n: 4 }] })).toEqual([
      { path: "/list/name=a", kind: "removed", before: { name: "a", n: 1 } },
      { path: "/list/name=b/n", kind: "changed", before: 2, after: 3 },
      { path: "/list/name=c", kind: "added", after: { name: "c", n: 4 } },
    ]);
  });

  test("tells the order of rules, of which the first that holds decides, and calls no rule moved because another came or went", () => {
    const [a, b, c] = [{ name: "a" }, { name: "b" }, { name: "c" }];
    expect(diffJson({ rules: [a, b] }, { rules: [b, a] })).toEqual([{ path: "/rules", kind: "changed", before: ["name=a", "name=b"], after: ["name=b", "name=a"] }]);
    expect(diffJson({ rules: [a, b] }, { rules: [c, a, b] })).toEqual([{ path: "/rules/name=c", kind: "added", after: c }]);
    expect(diffJson({ rules: [a, b] }, { rules: [b, a] }, { ordered: [] })).toEqual([]);
  });

  test("falls back to places where an identity is there twice", () => {
    expect(diffJson([{ id: 1, v: 1 }, { id: 1, v: 2 }], [{ id: 1, v: 1 }, { id: 1, v: 3 }])).toEqual([{ path: "/1/v", kind: "changed", before: 2, after: 3 }]);
  });

  test("takes Unicode forms and line ends for the same text, and numbers by their value", () => {
    fc.assert(fc.property(fc.array(word), (lines) => {
      const text = lines.join("\n").replaceAll("\r", "");
      expect(diffJson({ [`k${text}`]: text.normalize("NFD") }, { [`k${text}`.normalize("NFC")]: text.normalize("NFC").replaceAll("\n", "\r\n") })).toEqual([]);
    }), { numRuns: 200 });
    expect(diffJson(JSON.parse("[1.0, 1e2, -0]"), JSON.parse("[1, 100, 0]"))).toEqual([]);
    expect(diffJson(["e\u0301"], ["e"])).toHaveLength(1);
  });
});

describe("plain text", () => {
  test("is plain already when it is made plain again", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => plainText(plainText(text)) === plainText(text)), { numRuns: 200 });
  });
  test("refuses two keys that become one", () => {
    expect(() => plainValue({ "\u00e9": 1, "e\u0301": 2 })).toThrow(/two keys/);
  });
});

describe("canonical lines", () => {
  test("hold the same value, in the same order, and end in one newline", () => {
    fc.assert(fc.property(jsonValue, (value) => {
      const lines = canonicalLines(value);
      expect(canonicalJson(JSON.parse(lines))).toBe(canonicalJson(value));
      expect(lines).toBe(canonicalLines(permuted(value)));
      expect(lines.endsWith("\n") && !lines.endsWith("\n\n")).toBe(true);
    }), { numRuns: 200 });
    expect(canonicalLines({ b: [], a: { "10": '{"x",\\', "9": {} } })).toBe('{\n  "a": {\n    "10": "{\\"x\\",\\\\",\n    "9": {}\n  },\n  "b": []\n}\n');
  });
});
