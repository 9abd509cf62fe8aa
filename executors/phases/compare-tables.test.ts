import { copyFile, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import type { PipelineSpec } from "../../contracts/pipeline.ts";
import type { TableDifference } from "../../contracts/verification.ts";
import { compareOutputs } from "../core/verify-run.ts";
import { runDuckdb } from "../engines/duckdb.ts";
import { compareTables } from "./compare-tables.ts";
import { type Environment, type RunRecord, newEnvironment, runSpec } from "./testing/run-spec.ts";

vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let environment: Environment;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "compare tables "));
  environment = newEnvironment(pathToFileURL(`${folder}/`));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const root = () => `${environment.lake}/${environment.environment_id}`;
const limits = { memory_mb: 512, threads: 2 };

function makes(table: string, more = ""): PipelineSpec {
  const checked = checkSpec(`version: 1\nname: test\nphases:\n  - { name: make, type: transform, config: { tables: [${table}] } }\n  - { name: publish, type: publish, depends_on: [make] }\n${more}`);
  if (checked.spec === null) throw new Error(JSON.stringify(checked.errors));
  return checked.spec;
}
const keyed = (sql: string, more?: string): PipelineSpec => makes(`{ name: silver.t, key: [id], sql: ${JSON.stringify(sql)} }`, more);

async function differences(spec: PipelineSpec, original: RunRecord, again: RunRecord): Promise<TableDifference[]> {
  const { unequal } = compareOutputs(spec, original.outputs, again.outputs);
  const lake = { read_root: root(), write_root: `${root()}/_isolated/${again.run.run_id}` };
  return compareTables.compare(unequal, { original_run_id: original.run.run_id, lake, scratch: await mkdtemp(join(folder, "scratch-")), signal: new AbortController().signal, limits });
}
/** The two sides of a verification whose second side answers otherwise, as SQL with a clock or an altered input would. */
async function sides(before: PipelineSpec, after: PipelineSpec): Promise<TableDifference> {
  const original = await runSpec(environment, before);
  const again = await runSpec(environment, after, { isolated: true });
  const [found] = await differences(after, original, again);
  return found!;
}

test("one changed row among many is found, and named by its key and its column", async () => {
  const rows = "select i as id, (i * 1.5)::decimal(18,2) as amount, 'n' || i as name from range(50000) r(i)";
  const planted = await sides(keyed(rows), keyed(`select id, case when id = 31415 then amount + 0.01 else amount end::decimal(18,2) as amount, name from (${rows})`));
  expect(planted).toMatchObject({ phase: "make", dataset: "silver.t", verdict: "differs", reason: null, rows_removed: 0, rows_added: 0, rows_changed: 1, columns: [{ name: "amount", change: "values", rows: 1 }] });
  expect(planted.sample).toEqual([{ kind: "changed", key: { id: "31415" }, values: { amount: { original: "47122.50", again: "47122.51" } } }]);
});

test("rows and columns that are gone or new are told apart, null is a value, and twenty rows are shown", async () => {
  const found = await sides(
    keyed("select i as id, null as a, 'x' as b, 1 as old from range(100) r(i)"),
    keyed("select i as id, case when i < 60 then 'set' end as a, 'x' as b, 1 as fresh from range(1, 101) r(i)"),
  );
  expect(found).toMatchObject({ verdict: "differs", rows_removed: 1, rows_added: 1 });
  expect(found.columns.filter(({ change }) => change !== "values").map(({ name, change }) => [name, change])).toEqual(expect.arrayContaining([["old", "removed"], ["fresh", "added"]]));
  expect(found.sample).toHaveLength(1 + 1);
  const many = await sides(keyed("select i as id, null::int as a from range(100) r(i)"), keyed("select i as id, 7 as a from range(100) r(i)"));
  expect(many).toMatchObject({ rows_changed: 100, columns: [{ name: "a", rows: 100 }] });
  expect(many.sample).toHaveLength(20);
  expect(many.sample[0]).toEqual({ kind: "changed", key: { id: "0" }, values: { a: { original: null, again: "7" } } });
});

test("where no key can be compared, tables are compared as bags of rows", async () => {
  const bag = (rows: string) => makes(`{ name: silver.t, key: [_n], sql: ${JSON.stringify(`select *, row_number() over () as _n from (values ${rows}) v(n, t)`)} }`);
  const found = await sides(bag("(1, 'a'), (1, 'a'), (2, null)"), bag("(1, 'a'), (2, null), (2, null), (3, 'c')"));
  expect(found).toMatchObject({ rows_removed: 1, rows_added: 2, rows_changed: 0, columns: [] });
  expect(found.sample).toHaveLength(3);
  expect(found.sample.map(({ kind, key }) => [kind, key])).toEqual(expect.arrayContaining([["removed", { n: "1", t: "a" }], ["added", { n: "2", t: null }], ["added", { n: "3", t: "c" }]]));
});

test("other bytes with the same rows are the same, and so are columns that tell of the run", async () => {
  const rows = "select i as id, i % 7 as part from range(1000) r(i)";
  const whole = keyed(rows);
  const divided = makes(`{ name: silver.t, key: [id], partition_by: [part], sql: ${JSON.stringify(rows)} }`);
  expect(await sides(whole, divided)).toMatchObject({ verdict: "same_rows", rows_changed: 0, sample: [] });
  expect(await sides(keyed("select 1 as id, 'one' as _made_by"), keyed("select 1 as id, 'two' as _made_by"))).toMatchObject({ verdict: "same_rows" });
});

test("masked columns stay masked, as keys and as values", async () => {
  const mask = "masked: { silver.t: [id, Salary] }";
  const found = await sides(keyed("select 'ada' as id, 100 as salary, 'x' as open", mask), keyed("select 'ada' as id, 200 as salary, 'y' as open", mask));
  expect(found.sample).toEqual([{ kind: "changed", key: { id: "***" }, values: { salary: { original: "***", again: "***" }, open: { original: "x", again: "y" } } }]);
});

test("a file of the original that was altered in the lake, or is gone, is said to be so", async () => {
  const before = keyed("select i as id from range(10) r(i)");
  const original = await runSpec(environment, before);
  const again = await runSpec(environment, keyed("select i + 1 as id from range(10) r(i)"), { isolated: true });
  const file = `${fileURLToPath(root())}/silver/t/${original.outputs.get("make")!.tables[0]!.files[0]!.path}`;
  await runDuckdb({ views: [], steps: [{ kind: "copy", name: "planted", sql: "select 99 as id", key: null, to: join(folder, "planted.parquet") }] }, { signal: new AbortController().signal, ...limits, scratch: folder, directories: [folder], timeout_ms: 30_000 });
  await rm(file);
  const gone = await differences(before, original, again);
  expect(gone).toMatchObject([{ verdict: "not_compared", reason: expect.stringContaining("no longer in the lake") as string }]);
  await copyFile(join(folder, "planted.parquet"), file);
  expect(await differences(before, original, again)).toMatchObject([{ verdict: "not_compared", reason: expect.stringContaining("altered") as string }]);
});

test("what a verification wrote is removed, and nothing else", async () => {
  await runSpec(environment, keyed("select 1 as id"));
  const { run } = await runSpec(environment, keyed("select 2 as id"), { isolated: true });
  const isolated = `${root()}/_isolated/${run.run_id}`;
  const files = async (url: string) => (await readdir(fileURLToPath(url), { recursive: true }).catch(() => [])).filter((name) => name.endsWith(".parquet"));
  expect(await files(isolated)).toHaveLength(1);
  await compareTables.discard({ read_root: root(), write_root: root() });
  await compareTables.discard({ read_root: root(), write_root: isolated });
  expect(await files(isolated)).toEqual([]);
  expect(await files(`${root()}/silver`)).toHaveLength(1);
});

test("what a verification wrote that nobody ended is removed by the next one, once no attempt of it can be under way", async () => {
  const staged = async () => `${root()}/_isolated/${(await runSpec(environment, keyed("select 1 as id"), { isolated: true })).run.run_id}`;
  const [abandoned, underWay, ended] = [await staged(), await staged(), await staged()];
  const files = async (url: string) => (await readdir(fileURLToPath(url), { recursive: true }).catch(() => [])).filter((name) => name.endsWith(".parquet")).map((name) => join(fileURLToPath(url), name));
  const longAgo = new Date(Date.now() - 9 * 24 * 3600 * 1000);
  for (const file of await files(abandoned)) await utimes(file, longAgo, longAgo);
  await compareTables.discard({ read_root: root(), write_root: ended });
  expect([(await files(abandoned)).length, (await files(underWay)).length, (await files(ended)).length]).toEqual([0, 1, 0]);
});
