import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import { type Environment, type RunOptions, newEnvironment, runSpec } from "./testing/run-spec.ts";

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let environment: Environment;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "merge-"));
  environment = newEnvironment(pathToFileURL(`${folder}/`));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const check = (phases: string) => checkSpec(`version: 1\nname: test\nlayer: silver\nphases:\n${phases}`);
function spec(phases: string) {
  const checked = check(phases);
  if (checked.spec === null) throw new Error(JSON.stringify(checked.errors));
  return checked.spec;
}
const merging = (sql: string, deleted = "") => `
  - { name: make, type: transform, config: { tables: [{ name: silver.t, mode: merge, key: [a, b]${deleted}, sql: ${JSON.stringify(sql)} }] } }
  - { name: publish, type: publish, depends_on: [make] }`;
const merge = (sql: string, options: RunOptions & { deleted?: string } = {}) => runSpec(environment, spec(merging(sql, options.deleted)), options);
async function rows(): Promise<unknown[][]> {
  const run = await runSpec(environment, spec(`  - { name: ask, type: query, config: { inputs: [silver.t], sql: "select * from silver.t order by a, b nulls first" } }`));
  return (JSON.parse(await run.artifacts.get("ask.result.json")!.text()) as { sample: unknown[][] }).sample;
}

test("a merge replaces the rows of its keys, removes those it names, keeps the others, and adds columns", async () => {
  await merge("select * from (values (1, 'x', 'one'), (1, null, 'null'), (2, 'x', 'two'), (3, 'x', 'three')) v(a, b, name); -- the first");
  await merge("select * from (values (1, null, 'still null', false), (2, 'x', 'gone', true), (4, 'x', 'four', null), (9, 'x', 'never was', true)) v(a, b, name, gone)", { deleted: ", deleted: gone" });
  expect(await rows()).toEqual([[1, null, "still null"], [1, "x", "one"], [3, "x", "three"], [4, "x", "four"]]);
  await merge("select 3 as a, 'x' as b, true as extra");
  expect(await rows()).toEqual([[1, null, "still null", null], [1, "x", "one", null], [3, "x", null, true], [4, "x", "four", null]]);
});

test("a merge again with the same rows changes nothing, and a verification makes the same bytes", async () => {
  const sql = "select i as a, 'x' as b, i * 2 as n from range(10) r(i)";
  await merge(sql);
  const again = await merge(sql);
  const [one, two] = environment.datasets.get("silver.t")!;
  expect(two!.content_sha256).toBe(one!.content_sha256);
  await merge("select 5 as a, 'x' as b, 0 as n");
  const verified = await merge(sql, { repeats: again, isolated: true });
  expect(verified.hashes).toEqual(again.hashes);
});

test("rows that another run has published since are not undone", async () => {
  await merge("select 1 as a, 'x' as b");
  let other: Promise<unknown> | undefined;
  const mine = runSpec(environment, spec(merging("select 2 as a, 'x' as b")), { onProgress: (message) => { if (message.startsWith("Staged")) other = merge("select 3 as a, 'x' as b"); }, beforePublish: () => other });
  await expect(mine).rejects.toMatchObject({ name: "PermanentError", code: "lake_conflict" });
  expect(await rows()).toEqual([[1, "x"], [3, "x"]]);
});

test("an attempt after one that died behind its commit merges once", async () => {
  await merge("select 1 as a, 'x' as b");
  let record: Parameters<NonNullable<RunOptions["onStart"]>>[0] | undefined;
  const sql = "select 2 as a, 'x' as b";
  await expect(merge(sql, { publishFails: true, onStart: (started) => void (record = started) })).rejects.toThrow("went away");
  await merge(sql, { attempt_of: record! });
  expect(await rows()).toEqual([[1, "x"], [2, "x"]]);
  expect(environment.datasets.get("silver.t")).toHaveLength(2);
});

test("of a table that is divided by its key a merge writes the touched files alone, and they are those of a merge from nothing", async () => {
  const lines = (where: string, gone: string) => spec(`
  - name: make
    type: transform
    config:
      tables:
        - { name: silver.lines, mode: merge, key: [id], deleted: gone, sql: "select i as id, i % 7 as n, ${gone} as gone from range(300000) r(i) where ${where}" }
        - { name: silver.total, key: [n], sql: "select n, count(*) as lines from silver.lines group by n" }
  - { name: publish, type: publish, depends_on: [make] }`);
  const table = (record: Awaited<ReturnType<typeof runSpec>>, at = 0) => record.outputs.get("make")!.tables[at]!;
  const first = await runSpec(environment, lines("true", "false"));
  const some = await runSpec(environment, lines("i between 150000 and 180000", "i = 177777"));
  const [old, now] = [table(first), table(some)];
  expect(now.files.map(({ slice }) => slice!.number)).toEqual([0, 1, 2]);
  expect(now.files.map((file, index) => file.path === old.files[index]!.path)).toEqual([true, false, true]);
  expect([old.row_count, now.row_count]).toEqual([300_000, 299_999]);
  // Tables below it see the whole.
  expect(table(some, 1).files[0]!.sha256).not.toBe(table(first, 1).files[0]!.sha256);
  const verified = await runSpec(environment, lines("i between 150000 and 180000", "i = 177777"), { repeats: some, isolated: true });
  expect(verified.hashes).toEqual(some.hashes);
});

test("a column that would change its type is refused, as are two rows of one key", async () => {
  await merge("select 1 as a, 'x' as b, 5 as n");
  await expect(merge("select 1 as a, 'x' as b, 'text' as n")).rejects.toMatchObject({ code: "lake_conflict" });
  await expect(merge("select 1 as a, 'x' as b, i::integer as n from range(2) r(i)")).rejects.toMatchObject({ code: "key_not_unique" });
  expect(await rows()).toEqual([[1, "x", 5]]);
});

test("`deleted` without a merge, and a merge for each item, are no valid specs", () => {
  const table = (more: string) => `  - { name: make, type: transform${more.startsWith(" ") ? "" : ", for_each: { parameter: p, items: [a] }"}, config: { tables: [{ name: silver.t, key: [a], sql: "select 1 as a"${more} }] } }`;
  expect(check(table(", deleted: gone").replace(", for_each: { parameter: p, items: [a] }", "")).errors[0]).toMatchObject({ message: "only mode merge removes keys" });
  expect(check(table(", mode: merge")).errors.map(({ message }) => message)).toContain("a merge follows one version: items cannot merge into a table at once");
});
