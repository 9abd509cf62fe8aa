import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { lakeTable } from "./staging.ts";
import { type Environment, type RunOptions, type RunRecord, newEnvironment, runSpec } from "./testing/run-spec.ts";

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let environment: Environment;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lake care "));
  environment = newEnvironment(pathToFileURL(`${folder}/`));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function spec(phases: string) {
  const checked = checkSpec(`version: 1\nname: test\nparameters: { type: object, properties: { version: { type: [integer, string], default: 1 } } }\nphases:\n${phases}`);
  if (checked.spec === null) throw new Error(JSON.stringify(checked.errors));
  return checked.spec;
}
const makes = (sql: string, table = "mode: overwrite") => spec(`
  - { name: make, type: transform, config: { tables: [{ name: silver.t, key: [id], ${table}, sql: ${JSON.stringify(sql)} }] } }
  - { name: publish, type: publish, depends_on: [make] }`);
const make = (sql: string, table?: string, options?: RunOptions) => runSpec(environment, makes(sql, table), options);
const asks = (sql: string, reads: string) => spec(`
  - { name: ask, type: query, config: { ${reads}, sql: ${JSON.stringify(sql)} } }`);
async function answer(sql: string, reads = "inputs: [silver.t]", options?: RunOptions): Promise<unknown[][]> {
  return sampleOf(await runSpec(environment, asks(sql, reads), options));
}
const sampleOf = async (run: RunRecord) => (JSON.parse(await run.artifacts.get("ask.result.json")!.text()) as { sample: unknown[][] }).sample;
const care = (config: string, options?: RunOptions) => runSpec(environment, spec(`\n  - { name: care, type: maintain, config: { datasets: [silver.t], ${config} } }`), options);
const root = () => `${environment.lake}/${environment.environment_id}`;
const snapshot = async (version?: number) => (await readSnapshot(await lakeTable(root(), "silver.t"), version))!;
const files = async () => (await readdir(fileURLToPath(`${root()}/silver/t`))).filter((name) => name.endsWith(".parquet")).toSorted();
/** Leaves a Parquet file's magic and footer, which ends with its own length. */
async function destroyRows(file: string): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(file, bytes.fill(0xff, 4, bytes.byteLength - 8 - bytes.readUInt32LE(bytes.byteLength - 8)));
}
/** All files look as if they had been written two hours ago. */
async function age(): Promise<void> {
  for (const name of await files()) await utimes(fileURLToPath(`${root()}/silver/t/${name}`), new Date(), new Date(Date.now() - 7_200_000));
}

test("a query reads earlier versions beside the newest, under names of their own, and a repeat reads the same ones", async () => {
  await make("select 1 as id, 'old' as name");
  await make("select 1 as id, 'new' as name");
  const reads = "inputs: [silver.t], past: [{ dataset: silver.t, as: before.t, version: '${{ parameters.version }}' }]";
  const compare = asks("select o.name, n.name from before.t o join silver.t n using (id)", reads);
  const first = await runSpec(environment, compare);
  expect(await sampleOf(first)).toEqual([["old", "new"]]);
  expect(first.run.input_manifest).toMatchObject({ datasets: { "silver.t": 2, "silver.t@1": 1 } });
  await make("select 1 as id, 'newest' as name");
  expect(await sampleOf(await runSpec(environment, compare, { repeats: first }))).toEqual([["old", "new"]]);
  expect(await sampleOf(await runSpec(environment, compare, { parameters: { version: 2 } }))).toEqual([["new", "newest"]]);
  await expect(runSpec(environment, compare, { parameters: { version: 9 } })).rejects.toMatchObject({ code: "dataset_missing" });
  await expect(runSpec(environment, compare, { parameters: { version: "1; drop" } })).rejects.toMatchObject({ code: "invalid_parameters" });
});

test("a table divided by values has a file for each, the same bytes on every run, and a query for one value reads the rows of its file alone", async () => {
  const rows = "select i as id, case i % 3 when 0 then 'BE' when 1 then 'it''s \"NL\"' end as country, date '2026-01-01' + (i % 2)::integer as day, i * 1.5::decimal(9,2) as amount from range(600) r(i)";
  const first = await make(rows, "partition_by: [country, day]");
  const held = await snapshot();
  expect(held.partition_columns).toEqual(["country", "day"]);
  expect(held.files.map((file) => [file.partition_values["country"], file.partition_values["day"], file.rows]).toSorted()).toEqual(
    ["BE", 'it\'s "NL"', null].flatMap((country) => ["2026-01-01", "2026-01-02"].map((day) => [country, day, 100])).toSorted());
  expect(JSON.parse(held.files[0]!.stats!)).toMatchObject({ numRecords: 100, nullCount: { amount: 0, id: 0 } });
  expect(await answer("select country, count(*), sum(amount), max(typeof(day)) from silver.t group by all order by all")).toEqual([["BE", "200", "89550.00", "DATE"], ['it\'s "NL"', "200", "89850.00", "DATE"], [null, "200", "90150.00", "DATE"]]);
  const second = await make(rows, "partition_by: [country, day]", { threads: 1 });
  expect(second.hashes).toEqual(first.hashes);
  expect((await make(rows, "partition_by: [country, day]", { repeats: first, isolated: true })).hashes).toEqual(first.hashes);
  // Of the other files only the footer is read: their rows may be anything.
  for (const file of held.files) if (file.partition_values["country"] !== "BE") await destroyRows(fileURLToPath(`${root()}/silver/t/${file.path}`));
  expect(await answer("select count(*) from silver.t where country = 'BE'")).toEqual([["200"]]);
  await expect(answer("select count(id) from silver.t where id = 1")).rejects.toMatchObject({ code: "sql_error" });
});

test("merges and appends into a divided table keep to it; equal bytes of two values stay two files", async () => {
  await make("select i::integer as id, (i % 2)::integer as half, 'a' as name from range(4) r(i)", "partition_by: [half]");
  const before = (await snapshot()).files.find((file) => file.partition_values["half"] === "0")!;
  await make("select 1 as id, 1 as half, 'b' as name", "mode: merge, partition_by: [half]");
  expect(await answer("select id, half, name from silver.t order by id")).toEqual([[0, 0, "a"], [1, 1, "b"], [2, 0, "a"], [3, 1, "a"]]);
  expect((await snapshot()).files.map((file) => file.path)).toContain(before.path);
  await make("select 9 as id, 7 as half, 'same' as name", "mode: append, partition_by: [half]");
  await make("select 9 as id, 8 as half, 'same' as name", "mode: append, partition_by: [half]");
  expect(await answer("select half, name from silver.t where id = 9 order by 1")).toEqual([[7, "same"], [8, "same"]]);
});

test("what cannot divide a table is refused with what to do", async () => {
  await expect(make("select 1 as id, '' as country", "partition_by: [country]")).rejects.toMatchObject({ code: "lake_unsupported" });
  await expect(make("select i as id, i as n from range(501) r(i)", "partition_by: [n]")).rejects.toMatchObject({ code: "lake_unsupported" });
  await expect(make("select 1 as id, 1.5::double as d", "partition_by: [d]")).rejects.toMatchObject({ code: "lake_unsupported" });
  await expect(make("select 1 as id", "partition_by: [id]")).rejects.toMatchObject({ code: "lake_unsupported" });
  await expect(make("select 1 as id", "partition_by: [nothing]")).rejects.toMatchObject({ code: "sql_error" });
});

test("compacting leaves every row as it is, whatever the order of files, and earlier versions can be read", async () => {
  const build = async () => {
    await make("select i as id, i % 2 as half from range(10) r(i)", "partition_by: [half]");
    for (const first of [20, 10]) await make(`select i as id, i % 2 as half, 'x' as added from range(${first}, ${first + 10}) r(i)`, "mode: append, partition_by: [half]");
  };
  await build();
  const rows = "select id, half, added from silver.t order by id";
  const before = await answer(rows);
  const run = await care("compact: true");
  expect(run.metrics["care"]).toMatchObject({ tables: 1, compacted: 1 });
  const compacted = await snapshot();
  expect(compacted.files.map((file) => [file.partition_values["half"], file.rows]).toSorted()).toEqual([["0", 15], ["1", 15]]);
  expect(await answer(rows)).toEqual(before);
  expect(await answer("select count(*) from old.t", "past: [{ dataset: silver.t, as: old.t, version: 2 }]")).toEqual([["20"]]);
  expect((await care("compact: true")).metrics["care"]).toMatchObject({ compacted: 0 });
  expect(environment.datasets.get("silver.t")).toHaveLength(4);
  expect((await care("compact: true", { repeats: run, isolated: true })).hashes).toEqual(run.hashes);
  environment = { ...newEnvironment(pathToFileURL(`${folder}/`)) };
  await build();
  await care("compact: true", { threads: 1 });
  expect((await snapshot()).files.map((file) => file.path)).toEqual(compacted.files.map((file) => file.path));
});

test("a cleanup takes what only given-up versions need, and nothing that is young, named or staged", async () => {
  await make("select 1 as id");
  const [first] = await files();
  await make("select 2 as id");
  await age();
  await runSpec(environment, makes("select 3 as id"), { publishFails: true }).catch(() => undefined);
  const before = await files();
  const run = await care("vacuum: { retain_hours: 1 }");
  expect(run.metrics["care"]).toEqual({ tables: 1, files_removed: 1, bytes_removed: expect.any(Number) as number, files_kept: 2 });
  expect(await files()).toEqual(before.filter((name) => name !== first));
  expect(await answer("select id from silver.t")).toEqual([[2]]);
  expect((await care("vacuum: { retain_hours: 1 }", { isolated: true })).metrics["care"]).toMatchObject({ files_removed: 0 });
});

test("a file that was cleaned up between staging and publishing is never named in the log", async () => {
  await make("select 1 as id");
  const late = make("select 2 as id", undefined, {
    beforePublish: async () => {
      await age();
      await care("vacuum: { retain_hours: 1 }");
    },
  });
  await expect(late).rejects.toMatchObject({ code: "dataset_missing" });
  expect(await answer("select id from silver.t")).toEqual([[1]]);
  await make("select 2 as id");
  expect(await answer("select id from silver.t")).toEqual([[2]]);
});
