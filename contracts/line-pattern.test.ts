import fc from "fast-check";
import { expect, test } from "vitest";
import { linePattern, PatternError } from "./line-pattern.ts";

const finds = (pattern: string, line: string, matchCase = false): boolean => linePattern(pattern, matchCase).test(line);

test("what operators search for is found", () => {
  expect(finds("timeout after \\d+ ?s", "Timeout after 30s")).toBe(true);
  expect(finds("timeout after \\d+ ?s", "timeout after x s")).toBe(false);
  expect(finds("^error|fatal$", "the end was fatal")).toBe(true);
  expect(finds("^error|fatal$", "an error")).toBe(false);
  expect(finds("\\bERR\\b", "[err] x")).toBe(true);
  expect(finds("\\bERR\\b", "merry")).toBe(false);
  expect(finds("rows=(1|2)\\d{3,}", "rows=21000")).toBe(true);
  expect(finds("[^a-z ]", "all low")).toBe(false);
  expect(finds("Σ", "οδος".replace("ς", "σ"))).toBe(true);
  expect(finds("a.c", "a😀c")).toBe(true);
  expect([finds("ERROR", "error", true), finds("[A-Z]{2}", "ab", true), finds("[A-Z]{2}", "ab")]).toEqual([false, false, true]);
  expect(finds("", "")).toBe(true);
});

test.each([
  ["(", "is not closed"], [")", "closes nothing"], ["[", "is not closed"], ["[]", "empty"], ["*a", "nothing before it"], ["a**", "repeats a repeat"], ["a+?", "repeats a repeat"], ["a{2", "begins no count"],
  ["a{3,2}", "smaller number first"], ["a{1,101}", "0 to 100"], ["\\1", "not supported"], ["(?=a)", "not supported"], ["[[:alpha:]]", "not supported"], ["[z-a]", "backwards"], ["a\\", "ends in"], ["^*", "a place"],
  ["((a{1,100}){1,100}){1,100}", "too large"], ["x".repeat(201), "200 characters"],
])("%s is refused with what is wrong and where", (pattern, reason) => {
  expect(() => linePattern(pattern, false)).toThrow(PatternError);
  expect(() => linePattern(pattern, false)).toThrow(reason);
});

test("a pattern that makes others hang takes time in proportion to the line", () => {
  const line = `${"a".repeat(50_000)}!`;
  for (const pattern of ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*)*x", "([a-z]+)*=$"]) expect(finds(pattern, line)).toBe(false);
});

const letter = fc.constantFrom("a", "b", "A", "é", "1", "_", " ", "-", "😀");
const atom = fc.oneof(letter.map((each) => each), fc.constantFrom(".", "\\d", "\\W", "[ab]", "[^a1]", "[a-c_]", "\\b", "\\B", "^", "$", "\\S"));
const place = /^(\^|\$|\\b|\\B)$/;
const patterns = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
  piece: fc.oneof({ depthSize: "small", withCrossShrink: true }, atom, fc.tuple(tie("piece"), fc.constantFrom("*", "+", "?", "{2}", "{0,2}", "{1,}")).map(([part, count]) => (place.test(part) ? part : `(?:${part})${count}`)), tie("pattern").map((inner) => `(${inner})`)),
  pattern: fc.oneof({ depthSize: "small", withCrossShrink: true }, fc.array(tie("piece"), { maxLength: 4 }).map((parts) => parts.join("")), fc.tuple(tie("pattern"), tie("pattern")).map((both) => both.join("|"))),
})).pattern.filter((pattern) => pattern.length <= 60);

test("it finds what JavaScript's own engine finds, and the first stretch begins where that one's begins", () => {
  fc.assert(fc.property(patterns, fc.array(letter, { maxLength: 8 }).map((parts) => parts.join("")), (pattern, line) => {
    const own = linePattern(pattern, true);
    const theirs = new RegExp(pattern, "u");
    expect(own.test(line)).toBe(theirs.test(line));
    const [first] = own.find(line);
    const [other] = [...line.matchAll(new RegExp(pattern, "gu"))].filter((match) => match[0] !== "");
    if (first !== undefined && other !== undefined) expect(first[0]).toBeLessThanOrEqual(other.index);
  }), { numRuns: 500 });
});
