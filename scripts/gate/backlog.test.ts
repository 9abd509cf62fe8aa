import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { backlogFile, exportedBacklog, lintBacklog, type Backlog } from "./backlog.ts";
import { aTree, ROOT } from "./testing.ts";

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `LH-${String(from + index).padStart(3, "0")}`);
/** Every id that the owner gave. */
const given = [...range(1, 14), ...range(20, 24), ...range(30, 32), ...range(40, 42), "LH-050", "LH-051", "A1", "A2", "A3", "A4", "A5", "A6", "B", "C", "D1", "D2", "D3", "D4", "D5", "D6"];

test("the backlog of this repository passes, and has every id that its owner gave", () => {
  expect(lintBacklog(ROOT)).toEqual([]);
  const { epics, features } = parse(readFileSync(join(ROOT, backlogFile), "utf8")) as Backlog;
  const ids = new Set([...epics.map((each) => each.id), ...features.flatMap((each) => [each.id, ...(each.also ?? [])])]);
  expect(given.filter((id) => !ids.has(id))).toEqual([]);
});

test("the tasks of the spec are features of the backlog", () => {
  const { epics, features } = parse(readFileSync(join(ROOT, backlogFile), "utf8")) as Backlog;
  const ids = new Set([...epics.map((each) => each.id), ...features.flatMap((each) => [each.id, ...(each.also ?? [])])]);
  const named = [...readFileSync(join(ROOT, "spec/tasks.md"), "utf8").matchAll(/^\| ([A-Z][A-Z0-9, -]+) \|/gm)].flatMap(([, list]) => list!.split(", "));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((id) => !ids.has(id))).toEqual([]);
});

test("the backlog fits its published JSON Schema", () => {
  const schema = z.fromJSONSchema(JSON.parse(readFileSync(join(ROOT, "spec/backlog.schema.json"), "utf8")) as Parameters<typeof z.fromJSONSchema>[0]);
  const value: unknown = parse(readFileSync(join(ROOT, backlogFile), "utf8"));
  expect(schema.safeParse(value).error).toBeUndefined();
  expect(schema.safeParse({ ...(value as object), version: 2 }).success).toBe(false);
});

const bad = `version: 1
epics:
  - { id: phase-1, title: One, outcome: It is there }
  - { id: phase-2, title: Two, outcome: It is there }
features:
  - { id: LH-001, epic: phase-1, title: One, shows: a thing, area: database, state: done }
  - { id: LH-001, epic: phase-9, title: Two, shows: a thing, area: nowhere, state: open, code: [gone.ts] }
  - id: LH-002
    epic: phase-1
    title: Three
    shows: a thing
    area: database
    state: begun
  - { id: LH-003, epic: phase-1, title: Four, shows: a thing, area: database, state: done, left: something, proof: [${backlogFile}] }
`;

test("each mistake fails with its rule and its line", () => {
  expect(lintBacklog(aTree({ [backlogFile]: bad }, ["config"])).map(({ rule, line }) => `${rule}@${line}`)).toEqual([
    "duplicate-id@7", "empty-epic@4", "done-without-proof@6", "unknown-epic@7", "unknown-area@7", "missing-path@7", "nothing-left@13", "done-and-left@14",
  ]);
  expect(lintBacklog(aTree({ [backlogFile]: bad.replace("id: LH-002", "id: LH-2") })).map(({ rule, line }) => `${rule}@${line}`)).toEqual(["structure@8"]);
  expect(lintBacklog(aTree({ [backlogFile]: bad.replace("state: begun", "status: begun") })).map(({ rule, line }) => `${rule}@${line}`)).toEqual(["structure@8", "structure@13"]);
  expect(lintBacklog(aTree({ [backlogFile]: `${bad}  - x: [\n` })).map(({ rule }) => rule)).toContain("syntax");
  expect(lintBacklog(aTree({}))).toEqual([{ rule: "missing", file: backlogFile, line: 1, message: "is not there" }]);
});

test("the export has the same bytes whatever the order of keys, style and line ends of the file", () => {
  const one = aTree({ [backlogFile]: bad });
  const value = parse(bad) as Backlog;
  const two = aTree({ [backlogFile]: `${JSON.stringify({ features: value.features, epics: value.epics, version: 1 }, null, 4).replaceAll("\n", "\r\n")}\r\n` });
  expect(exportedBacklog(two)).toBe(exportedBacklog(one));
});
