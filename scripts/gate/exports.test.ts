import { expect, test } from "vitest";
import { canonicalLines } from "../../contracts/json-diff.ts";
import { lintExports } from "./exports.ts";
import { aTree, placed } from "./testing.ts";

const document = { version: 1, caps: [{ scope: "project", environment: null, cap_key: "odoo", unit: "rows", period: "day", time_zone: "UTC", limit_amount: "10", enabled: true }] };
const lint = (text: string) => placed(lintExports(aTree({ "config/exports/acme.json": text })));

test("no export and a right one pass", () => {
  expect(lintExports(aTree({}))).toEqual([]);
  expect(lint(canonicalLines(document))).toEqual([]);
});

test("a wrong, a foreign and an unordered one fail with rule and line", () => {
  expect(lint(canonicalLines({ ...document, caps: [{ ...document.caps[0], unit: "hats" }] }))).toEqual(["invalid_value@11"]);
  expect(lint(canonicalLines({ ...document, caps: [...document.caps, ...document.caps] }))).toEqual(["duplicate@13"]);
  expect(lint(`{\n  "version": 1,\n  "caps": []\n}\n`)).toEqual(["drift@2"]);
  expect(lint("{")).toHaveLength(1);
  expect(placed(lintExports(aTree({ "config/exports/notes.txt": "" })))).toEqual(["name@1"]);
});
