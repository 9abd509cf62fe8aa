import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { canonicalLines } from "../../contracts/json-diff.ts";
import { lintExports, referenceExport, referenceFile } from "./exports.ts";
import { exportedRouting } from "./routing.ts";
import { aTree, placed, ROOT } from "./testing.ts";

const document = { version: 1, caps: [{ scope: "project", environment: null, cap_key: "odoo", unit: "rows", period: "day", time_zone: "UTC", limit_amount: "10", enabled: true }] };
const lint = (text: string) => placed(lintExports(aTree({ "config/exports/acme.json": text })));

test("the reference of this repository passes, and has the repository's routing matrix", () => {
  expect(lintExports(ROOT)).toEqual([]);
  const text = readFileSync(join(ROOT, referenceFile), "utf8");
  const { version, routing } = JSON.parse(text) as { version: number; routing: object };
  expect(canonicalLines({ version, ...routing })).toBe(exportedRouting(ROOT));
  expect(referenceExport(ROOT)).toBe(text);
});

test("no export and a right one pass", () => {
  expect(lintExports(aTree({}))).toEqual([]);
  expect(lint(canonicalLines(document))).toEqual([]);
});

test("a wrong, a foreign and an unordered one fail with rule and line", () => {
  expect(lint(canonicalLines({ ...document, caps: [{ ...document.caps[0], unit: "hats" }] }))).toEqual(["invalid-value@11"]);
  expect(lint(canonicalLines({ ...document, caps: [...document.caps, ...document.caps] }))).toEqual(["duplicate@13"]);
  expect(lint(canonicalLines({ version: 1, routing: { channels: {}, areas: {}, signals: {}, rules: [{ name: "all", when: {}, area: "nowhere", channel: "pigeon" }] } }))).toContain("unknown-area@7");
  expect(lint(canonicalLines({ ...document, exported_at: "2026-01-01T00:00:00Z" }))).toEqual(["unknown-field@14"]);
  expect(lint(`{\n  "version": 1,\n  "caps": []\n}\n`)).toEqual(["drift@2"]);
  expect(lint("{")).toHaveLength(1);
  expect(placed(lintExports(aTree({ "config/exports/notes.txt": "" })))).toEqual(["name@1"]);
});
