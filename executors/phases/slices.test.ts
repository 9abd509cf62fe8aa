import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import type { PipelineSpec } from "../../contracts/pipeline.ts";
import { type Environment, newEnvironment, type RunRecord, runSpec } from "./testing/run-spec.ts";

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let environment: Environment;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "a table in slices "));
  environment = another("lake");
  await mkdir(join(folder, "drop"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function another(name: string): Environment {
  return { ...newEnvironment(pathToFileURL(`${folder}/`), { drop: pathToFileURL(join(folder, "drop")).href }), lake: pathToFileURL(join(folder, name)).href };
}
const put = (name: string, ids: number[], state: string): Promise<void> => writeFile(join(folder, "drop", name), ["id,n,state", ...ids.map((id) => `${id},${id % 7},${id % 100 === 0 ? "draft" : state}`)].join("\n"));
const ids = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const sold = "select id, n * 2 as twice, state from bronze.lines where state <> 'draft'";

function lines(file: string, { mode = "merge", sql = sold, land = true }: { mode?: string; sql?: string; land?: boolean } = {}): PipelineSpec {
  const columns = [{ name: "id", type: "bigint" }, { name: "n", type: "integer" }, { name: "state", type: "text" }];
  const { spec, errors } = checkSpec({
    version: 1, name: "lines",
    phases: [
      ...(land ? [{ name: "bronze", type: "ingest", config: { source: "file", connection: "drop", tables: [{ name: "lines", format: "csv", path: file, mode, key: ["id"], columns }] } }] : []),
      { name: "silver", type: "transform", ...(land ? { depends_on: ["bronze"] } : {}), config: { inputs: ["bronze.lines"], tables: [
        { name: "silver.lines", key: ["id"], sql },
        { name: "silver.states", key: ["state"], sql: "select state, count(*) as lines, sum(twice)::bigint as twice from silver.lines group by state" },
      ] } },
      { name: "publish", type: "publish", depends_on: ["silver"] },
    ],
  });
  if (spec === null) throw new Error(JSON.stringify(errors));
  return spec;
}
const paths = (record: RunRecord, phase: string): string[] => record.outputs.get(phase)!.tables[0]!.files.map(({ path }) => path);
const same = (one: RunRecord, other: RunRecord, phase: string): boolean[] => paths(other, phase).map((path, at) => path === paths(one, phase)[at]);

test("what changed in one slice is written anew in bronze and silver, other files stay, and all is as made from nothing", async () => {
  await put("all.csv", ids(1, 140_000), "sale");
  const first = await runSpec(environment, lines("all.csv", { mode: "overwrite" }));
  expect([paths(first, "bronze").length, paths(first, "silver").length]).toEqual([2, 2]);
  await put("some.csv", [...ids(135_000, 135_100), 140_001], "done");
  const some = await runSpec(environment, lines("some.csv"));
  expect([same(first, some, "bronze"), same(first, some, "silver")]).toEqual([[true, false], [true, false]]);
  // A table below it sees the slices that stayed too.
  expect(some.outputs.get("silver")!.tables[1]!.row_count).toBe(2);

  const fresh = another("other lake");
  await put("whole.csv", [...ids(1, 135_000), ...ids(135_100, 140_000)], "sale");
  await runSpec(fresh, { ...lines("whole.csv", { mode: "overwrite" }), phases: lines("whole.csv", { mode: "overwrite" }).phases.filter(({ type }) => type !== "transform").map((phase) => ({ ...phase, depends_on: phase.type === "publish" ? ["bronze"] : [] })) });
  const anew = await runSpec(fresh, lines("some.csv"), { threads: 1 });
  for (const phase of ["bronze", "silver"]) expect(anew.outputs.get(phase)!.tables.map(({ files }) => files)).toEqual(some.outputs.get(phase)!.tables.map(({ files }) => files));
  const verified = await runSpec(environment, lines("some.csv"), { repeats: some, isolated: true });
  expect(verified.hashes).toEqual(some.hashes);
});

test("nothing is kept that is not what would be written: of other SQL, of rows that go to other slices, of fewer and larger slices", async () => {
  // From the last to the first, so that no slice lies together.
  await put("all.csv", ids(1, 300_000).toReversed(), "sale");
  const first = await runSpec(environment, lines("all.csv", { mode: "overwrite" }));
  const again = async (sql: string) => (await runSpec(environment, lines("all.csv", { land: false, sql }))).outputs.get("silver")!.tables;
  expect(await again(sold)).toEqual(first.outputs.get("silver")!.tables);
  const other = await again(sold.replace("n * 2", "n * 3"));
  expect(other[0]!.files.map(({ path }) => paths(first, "silver").includes(path))).toEqual([false, false, false]);
  const turned = await again("select 300000 - id as id, n * 2 as twice, state from bronze.lines");
  expect(turned[0]).toMatchObject({ row_count: 299_999, files: [{ slice: { number: 0 } }, { slice: { number: 1 } }, { slice: { number: 2 } }] });
  const halves = [await again(`${sold} and id % 2 = 1`), await again(`${sold} and id % 2 = 1`)];
  expect(halves[0]![0]!.files.map(({ slice }) => slice!.shift)).toEqual([18, 18]);
  expect(halves[1]).toEqual(halves[0]);
  await expect(again("select id // 2 as id, n * 2 as twice, state from bronze.lines")).rejects.toMatchObject({ code: "key_not_unique" });
});
