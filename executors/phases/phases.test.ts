import { mkdtemp, readdir, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import type { PipelineSpec } from "../../contracts/pipeline.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { lakeTable } from "./staging.ts";
import { type Environment, type RunRecord, newEnvironment, runSpec } from "./testing/run-spec.ts";

// Each phase starts a process of its own.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let environment: Environment;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "phases with space "));
  environment = newEnvironment(pathToFileURL(`${folder}/`));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Shape {
  phases?: string;
  sql?: string;
  mode?: string;
  inputs?: string;
  quality?: string;
  table?: string;
}

/** A small pipeline: make → check → publish, or the phases given. */
function spec({ phases, sql = "select i as id, 'n' || i as name from range(3) r(i)", mode = "overwrite", inputs = "", quality = "[]", table = "silver.t" }: Shape = {}): PipelineSpec {
  const text = `
version: 1
name: test
layer: silver
parameters: { type: object, properties: { least: { type: integer }, name: { type: string, default: n } } }
phases:
${phases ?? `
  - { name: make, type: transform, config: { inputs: [${inputs}], tables: [{ name: ${table}, mode: ${mode}, key: [id], sql: ${JSON.stringify(sql)} }] } }
  - { name: check, type: validate, depends_on: [make] }
  - { name: publish, type: publish, depends_on: [check] }`}
quality: ${quality}`;
  const checked = checkSpec(text);
  if (checked.spec === null) throw new Error(JSON.stringify(checked.errors));
  return checked.spec;
}
const asking = (sql: string, inputs = "silver.t") =>
  spec({ phases: `  - { name: ask, type: query, config: { inputs: [${inputs}], sql: ${JSON.stringify(sql)} } }` });
async function answer(sql: string, inputs?: string): Promise<unknown[][]> {
  const run = await runSpec(environment, asking(sql, inputs));
  return (JSON.parse(await run.artifacts.get("ask.result.json")!.text()) as { sample: unknown[][] }).sample;
}
const root = () => `${environment.lake}/${environment.environment_id}`;

test("a run makes, checks, publishes and answers; another thread count and a verification give equal hashes", async () => {
  const whole = spec({
    phases: `
  - name: make
    type: transform
    config:
      tables:
        - { name: silver.t, key: [id], sql: "select i::bigint as id, (i * 1.5)::decimal(18,2) as amount, getvariable('name') || i as name, getvariable('least') as least from range(5000) r(i)" }
        - { name: gold.g, key: [bucket], sql: "select id % 7 as bucket, sum(amount) as amount from silver.t group by 1; -- reads the table above" }
  - { name: check, type: validate, depends_on: [make] }
  - { name: publish, type: publish, depends_on: [check], config: { export: true } }
  - { name: ask, type: query, depends_on: [publish], config: { inputs: [gold.g], sql: "select bucket, amount from gold.g order by bucket", sample_rows: 2 } }`,
    quality: "[{ dataset: gold.g, check: unique, columns: [bucket] }, { dataset: silver.t, check: row_count, min: 5000, max: 5000 }]",
  });
  const first = await runSpec(environment, whole, { parameters: { least: 4 } });
  expect(await first.artifacts.get("ask.result.json")!.text()).toContain('"row_count":7,');
  expect(JSON.parse(await first.artifacts.get("ask.result.json")!.text())).toMatchObject({
    columns: [{ name: "bucket", type: "long" }, { name: "amount", type: "decimal(38,2)" }],
    sample: [["0", "2678035.50"], ["1", "2679107.50"]].map((row) => [row[0], expect.any(String) as string]),
  });
  expect([...first.artifacts.keys()].toSorted()).toEqual(["ask.parquet", "ask.result.json", "ask.sql", "check.quality.json", "gold.g.parquet", "silver.t.parquet"]);
  expect(first.outputs.get("make")!.tables.map((table) => [table.name, table.row_count])).toEqual([["silver.t", 5000], ["gold.g", 7]]);
  const second = await runSpec(environment, whole, { parameters: { least: 4 }, threads: 4 });
  const verified = await runSpec(environment, whole, { repeats: first, isolated: true, threads: 1 });
  expect(second.hashes).toEqual(first.hashes);
  expect(verified.hashes).toEqual(first.hashes);
  expect(environment.datasets.get("gold.g")!.map((version) => [version.version, version.layer, version.content_sha256])).toEqual([
    [1, "gold", first.outputs.get("make")!.tables[1]!.content_sha256],
    [2, "gold", first.outputs.get("make")!.tables[1]!.content_sha256],
  ]);
  const changed = await runSpec(environment, whole, { parameters: { least: 5 } });
  expect(changed.hashes["make"]).not.toBe(first.hashes["make"]);
});

test("a check that fails keeps every verdict and publishes nothing", async () => {
  const failing = spec({ quality: "[{ dataset: silver.t, check: row_count, min: 10 }, { dataset: silver.t, check: unique, columns: [id] }, { dataset: silver.t, check: range, column: id, max: 1, severity: warn }]" });
  let record: RunRecord | undefined;
  const before = await runSpec(environment, spec());
  const attempt = runSpec(environment, failing, { attempt_of: (record = { ...before, artifacts: new Map() }) });
  await expect(attempt).rejects.toMatchObject({ name: "PermanentError", code: "quality_failed" });
  await expect(attempt).rejects.toThrow("silver.t row_count: 3 rows");
  const report = JSON.parse(await record.artifacts.get("check.quality.json")!.text()) as { verdicts: { verdict: string; wrong: number }[] };
  expect(report.verdicts.map(({ verdict, wrong }) => [verdict, wrong])).toEqual([["fail", 1], ["pass", 0], ["warn", 1]]);
  expect(environment.datasets.get("silver.t")).toHaveLength(1);
});

test("each check objects to what breaks it and to nothing else", async () => {
  const sql = "select *, date '2026-01-01' as day from (values (1, 7, null, -1, 'draft', null), (2, 7, 'a', 5, 'it''s', 1), (3, 8, 'b', 10, null, 3)) v(id, twice, n, x, state, parent)";
  const checks: [check: string, wrong: number][] = [
    ["row_count, min: 4", 1],
    ["row_count, min: 3, max: 3", 0],
    ["null_check, columns: [n], max_fraction: 0.3", 1],
    ["null_check, columns: [n, id], max_fraction: 0.34", 0],
    ["unique, columns: [twice]", 1],
    ["unique, columns: [id, twice]", 0],
    ["range, column: x, min: 0", 1],
    ["range, column: x, min: -1, max: 10", 0],
    ["accepted_values, column: state, values: [draft]", 1],
    ['accepted_values, column: state, values: [draft, "it\'s"]', 0],
    ["accepted_values, column: x, values: [-1, 5]", 1],
    ["accepted_values, column: x, values: [-1, 5, 10]", 0],
    ["referential_integrity, column: parent, references: { dataset: silver.t, column: twice }", 2],
    ["referential_integrity, column: parent, references: { dataset: silver.t, column: id }", 0],
    ["custom_sql, name: no_negatives, sql: 'select * from silver.t where x < 0;'", 1],
    ['custom_sql, name: none, sql: "select * from silver.t where x > 10 -- none"', 0],
    ["freshness, column: day, max_age_seconds: 3600", 1],
    ["freshness, column: day, max_age_seconds: 315360000", 0],
  ];
  const quality = `[${checks.map(([check]) => `{ dataset: silver.t, severity: warn, check: ${check} }`).join(", ")}]`;
  const run = await runSpec(environment, spec({ sql, quality }));
  const { verdicts } = JSON.parse(await run.artifacts.get("check.quality.json")!.text()) as { verdicts: { verdict: string; wrong: number; seen: number }[] };
  expect(verdicts.map(({ verdict, wrong, seen }) => [verdict, wrong, seen])).toEqual(checks.map(([, wrong]) => [wrong === 0 ? "pass" : "warn", wrong, 3]));
});

test("checks against the registered version see rows lost and columns changed; a repetition compares with the same version", async () => {
  const shape = (sql: string, quality: string) => spec({ sql, quality: `[${quality.split(" & ").map((check) => `{ dataset: silver.t, ${check} }`).join(", ")}]` });
  const before = "select i as id, i as n, 'x' as gone from range(10) r(i)";
  const after = "select i as id, i::varchar as n, 1 as new from range(4) r(i)";
  const checks = "severity: warn, check: row_count, min_of_previous: 0.5 & severity: warn, check: row_count, max_of_previous: 2 & severity: warn, check: schema_drift & severity: warn, check: schema_drift, added: warn, removed: allow, retyped: allow & severity: fail, check: schema_drift, removed: allow, retyped: allow";
  const verdictsOf = async (run: RunRecord) => (JSON.parse(await run.artifacts.get("check.quality.json")!.text()) as { verdicts: { verdict: string; wrong: number; facts?: unknown }[] }).verdicts;
  const first = await runSpec(environment, shape(before, checks));
  expect((await verdictsOf(first)).map(({ verdict }) => verdict)).toEqual(["pass", "pass", "pass", "pass", "pass"]);
  const second = await runSpec(environment, shape(after, checks));
  expect((await verdictsOf(second)).map(({ verdict, wrong }) => [verdict, wrong])).toEqual([["warn", 1], ["pass", 0], ["warn", 2], ["warn", 1], ["pass", 0]]);
  expect((await verdictsOf(second))[2]!.facts).toEqual({ added: ["new"], removed: ["gone"], retyped: ["n: BIGINT → VARCHAR"] });
  expect((await runSpec(environment, shape(after, checks), { repeats: second, isolated: true })).hashes).toEqual(second.hashes);
  await expect(runSpec(environment, shape(before, "severity: fail, check: schema_drift"))).rejects.toMatchObject({ code: "quality_failed" });
});

test("wrong rows go to a table of their own with the reason, what refers to them follows, and the rest is published", async () => {
  const orders = "select * from (values (1, 10), (2, -5), (3, null), (4, 7)) v(id, amount)";
  const lines = "select * from (values (1, 1), (2, 2), (3, 4)) v(id, order_id)";
  const whole = spec({
    phases: `
  - name: make
    type: transform
    config: { tables: [{ name: silver.t, key: [id], sql: "${orders}" }, { name: silver.lines, key: [id], sql: "${lines}" }] }
  - { name: check, type: validate, depends_on: [make] }
  - { name: publish, type: publish, depends_on: [check] }`,
    quality: `
  - { dataset: silver.lines, check: referential_integrity, column: order_id, references: { dataset: silver.t, column: id }, severity: quarantine }
  - { dataset: silver.t, check: range, column: amount, min: 0, severity: quarantine }
  - { dataset: silver.t, check: null_check, columns: [amount], severity: quarantine }
  - { dataset: silver.t, check: custom_sql, name: not_seven, sql: "select id from silver.t where amount = 7;", severity: quarantine }
  - { dataset: silver.t, check: row_count, max: 1 }`,
  });
  const run = await runSpec(environment, whole);
  expect(run.quality!.map(({ verdict, wrong }) => [verdict, wrong])).toEqual([["quarantine", 2], ["quarantine", 1], ["quarantine", 1], ["quarantine", 1], ["pass", 0]]);
  expect(await answer("select id from silver.t order by id")).toEqual([[1]]);
  expect(await answer("select id, _reason from silver.t__quarantine order by id", "silver.t__quarantine")).toEqual([[2, "silver.t range (amount)"], [3, "silver.t null_check (amount)"], [4, "silver.t not_seven"]]);
  expect(await answer("select id, order_id from silver.lines__quarantine order by id", "silver.lines__quarantine")).toEqual([[2, 2], [3, 4]]);
  expect((await runSpec(environment, whole, { repeats: run, isolated: true, threads: 1 })).hashes).toEqual(run.hashes);
  // The next version is sound: its quarantine is empty, not what it was.
  await runSpec(environment, { ...whole, phases: [{ ...whole.phases[0]!, config: { engine: "duckdb", inputs: [], tables: [{ name: "silver.t", key: ["id"], mode: "overwrite", sql: "select 1 as id, 1 as amount" }, { name: "silver.lines", key: ["id"], mode: "overwrite", sql: "select 1 as id, 1 as order_id" }] } } as never, ...whole.phases.slice(1)] });
  expect(await answer("select count(*) from silver.t__quarantine", "silver.t__quarantine")).toEqual([["0"]]);
});

test("appends and merges keep their quarantine, and take nothing out of what is registered", async () => {
  for (const mode of ["append", "merge"]) {
    const table = `silver.${mode}d`;
    const adding = (sql: string) => spec({ mode, table, sql, quality: `[{ dataset: ${table}, check: range, column: n, min: 0, severity: quarantine }]` });
    await runSpec(environment, spec({ mode, table, sql: "select 1 as id, -1 as n" }));
    await runSpec(environment, adding("select 2 as id, -2 as n union all select 3, 3"));
    await runSpec(environment, adding("select 4 as id, -4 as n"));
    await runSpec(environment, adding("select 5 as id, 5 as n"));
    // A merge stages the whole table, so the row of the first run leaves it too.
    expect(await answer(`select id from ${table} order by id`, table)).toEqual(mode === "append" ? [[1], [3], [5]] : [[3], [5]]);
    expect(await answer(`select id from ${table}__quarantine order by id`, `${table}__quarantine`)).toEqual(mode === "append" ? [[2], [4]] : [[1], [2], [4]]);
  }
});

test("rows are taken out of a table that is divided, in every mode, and its other files and partitions stay as they are", async () => {
  const rows = "select * from (values (1, 'be', 10), (2, 'be', -5), (3, 'nl', 7), (4, 'de', -1)) v(id, country, amount)";
  for (const mode of ["overwrite", "append", "merge"]) {
    const table = `silver.by_${mode}`;
    const divided = (sql: string, check = "range, column: amount, min: 0") => {
      const made = spec({ mode, table, sql, quality: `[{ dataset: ${table}, check: ${check}, severity: quarantine }]` });
      const make = made.phases[0] as Extract<PipelineSpec["phases"][number], { type: "transform" }>;
      make.config.tables[0]!.partition_by = ["country"];
      return made;
    };
    const run = await runSpec(environment, divided(rows));
    expect(run.outputs.get("check")!.tables[0]!.files.map(({ partition_values }) => partition_values)).toEqual([{ country: "be" }, { country: "nl" }]);
    expect(await answer(`select id, country from ${table} order by id`, table)).toEqual([[1, "be"], [3, "nl"]]);
    expect(await answer(`select id, country, _reason from ${table}__quarantine order by id`, `${table}__quarantine`)).toEqual([[2, "be", `${table} range (amount)`], [4, "de", `${table} range (amount)`]]);
    // A merge says which version it was made of, and the first one was of none.
    if (mode !== "merge") expect((await runSpec(environment, divided(rows), { repeats: run, isolated: true, threads: 1 })).hashes).toEqual(run.hashes);
    // Also by the values that divide it, and where nothing is left.
    await runSpec(environment, divided("select 5 as id, 'xx' as country, 1 as amount", "accepted_values, column: country, values: [be, nl]"));
    expect(await answer(`select id from ${table} order by id`, table)).toEqual(mode === "overwrite" ? [] : [[1], [3]]);
    expect(await answer(`select count(*) from ${table}__quarantine where country = 'xx'`, `${table}__quarantine`)).toEqual([["1"]]);
  }
});

test("the report shows some wrong rows, never a masked value, whatever a query calls it", async () => {
  const masking = { ...spec({
    sql: "select i as id, 'mail' || i as email, -1 as n from range(50) r(i)",
    quality: `[{ dataset: silver.t, check: range, column: n, min: 0, severity: warn }, { dataset: silver.t, check: custom_sql, name: renamed, sql: "select id, email as address, email from silver.t", severity: warn }, { dataset: silver.t, check: null_check, columns: [id] }]`,
  }), masked: { "silver.t": ["email"] } };
  const run = await runSpec(environment, masking);
  const text = await run.artifacts.get("check.quality.json")!.text();
  const { verdicts } = JSON.parse(text) as { verdicts: { sample?: { columns: string[]; rows: unknown[][] } }[] };
  expect(verdicts.map(({ sample }) => sample?.rows.length)).toEqual([20, 20, undefined]);
  expect(verdicts[0]!.sample).toMatchObject({ columns: ["id", "email", "n"], rows: expect.arrayContaining([["0", "***", -1]]) as unknown });
  expect(verdicts[1]!.sample).toMatchObject({ columns: ["id", "address", "email"], rows: expect.arrayContaining([["0", "***", "***"]]) as unknown });
  expect(text + JSON.stringify([...run.outputs.values()]) + run.messages.join()).not.toContain("mail1");
});

test("a run that dies between commit and registration is adopted by its next attempt, and nobody saw it meanwhile", async () => {
  const pipeline = spec();
  const done = await runSpec(environment, pipeline);
  const record = { ...done, run: { ...done.run, run_id: crypto.randomUUID() } };
  const changed = spec({ sql: "select i as id, 'changed' as name from range(9) r(i)" });
  await expect(runSpec(environment, changed, { attempt_of: record, publishFails: true })).rejects.toThrow("went away");
  const table = await lakeTable(root(), "silver.t");
  const orphan = (await readSnapshot(table))!;
  expect(await answer("select count(*) from silver.t")).toEqual([["3"]]);
  const next = await runSpec(environment, changed, { attempt_of: record });
  expect(next.metrics["publish"]).toMatchObject({ adopted: 1 });
  expect((await readSnapshot(table))!.version).toBe(orphan.version);
  const versions = environment.datasets.get("silver.t")!;
  expect(versions.map((version) => [version.run_id, version.row_count])).toEqual([[done.run.run_id, "3"], [record.run.run_id, "9"]]);
  expect(versions[1]!.table_version).toBe(String(orphan.version));
  expect(await answer("select count(*) from silver.t")).toEqual([["9"]]);
});

test("an append that was committed, but never registered by a run that is gone, is not in what the next run publishes", async () => {
  const pipeline = spec({ mode: "append", sql: "select 1 as id, 'same' as name" });
  await runSpec(environment, pipeline);
  await expect(runSpec(environment, spec({ mode: "append", sql: "select 2 as id, 'lost' as name" }), { publishFails: true })).rejects.toThrow("went away");
  await runSpec(environment, spec({ mode: "append", sql: "select 3 as id, 'next' as name" }));
  expect(await answer("select id from silver.t order by id")).toEqual([[1], [3]]);
  expect((await readSnapshot(await lakeTable(root(), "silver.t")))!.files).toHaveLength(2);
});

test("a writer that was overtaken is sent back and changes nothing", async () => {
  await runSpec(environment, spec(), { fence: 10 });
  await expect(runSpec(environment, spec({ sql: "select 1 as id" }), { fence: 9 })).rejects.toMatchObject({ name: "RetryLater", code: "lake_conflict" });
  expect(await answer("select count(*) from silver.t")).toEqual([["3"]]);
  expect(environment.datasets.get("silver.t")).toHaveLength(1);
});

test("appends of several runs add up, a verification adds nothing", async () => {
  const pipeline = spec({ mode: "append", sql: "select 1 as id, 'same' as name" });
  const first = await runSpec(environment, pipeline);
  const second = await runSpec(environment, pipeline);
  const verified = await runSpec(environment, pipeline, { repeats: first, isolated: true });
  expect([second.hashes["make"], verified.hashes["make"]]).toEqual([first.hashes["make"], first.hashes["make"]]);
  expect(await answer("select id, name from silver.t")).toEqual([[1, "same"], [1, "same"]]);
  expect(environment.datasets.get("silver.t")!.map((version) => version.row_count)).toEqual(["1", "2"]);
});

test("a run keeps reading the version that it is pinned to", async () => {
  await runSpec(environment, spec());
  const reader = asking("select count(*) from silver.t");
  const before = await runSpec(environment, reader);
  await runSpec(environment, spec({ sql: "select i as id, 'x' as name from range(100) r(i)" }));
  const repeated = await runSpec(environment, reader, { repeats: before });
  expect(repeated.hashes).toEqual(before.hashes);
  expect(await answer("select count(*) from silver.t")).toEqual([["100"]]);
});

test("bad pipelines end with a code, the place and nothing staged for readers", async () => {
  await expect(runSpec(environment, asking("select 1 as id"))).rejects.toMatchObject({ code: "dataset_missing", message: expect.stringContaining("silver.t") as string });
  await expect(runSpec(environment, spec({ sql: "select 1 as id,\n  nope" }))).rejects.toMatchObject({ code: "sql_error", place: "silver.t, line 2" });
  await expect(runSpec(environment, spec({ sql: "select * from bronze.not_declared" }))).rejects.toMatchObject({ code: "sql_error" });
  await expect(runSpec(environment, spec({ sql: "select 1 as id union all select 1" }))).rejects.toMatchObject({ code: "key_not_unique" });
  await expect(runSpec(environment, spec({ sql: "select 1 as id, sum(i) as total from range(3) r(i)" }))).rejects.toMatchObject({ code: "lake_unsupported", place: "silver.t.total" });
  await expect(runSpec(environment, spec({ sql: `select 1 as id, * from read_text('/etc/passwd')` }))).rejects.toMatchObject({ code: "sql_error" });
  expect(existsSync(fileURLToPath(`${root()}/silver/t/_delta_log`))).toBe(false);
  expect((await readdir(folder)).filter((name) => name.startsWith("phase-"))).toEqual([]);
});

test("an abort stops the phase with its reason", async () => {
  const controller = new AbortController();
  const running = runSpec(environment, spec({ sql: "select count(*) as id from range(100000000000) a(i) where i % 7 = 3" }), {
    signal: controller.signal,
    beforePhase: () => setTimeout(() => controller.abort(new Error("canceled by a person")), 1500),
  });
  await expect(running).rejects.toThrow("canceled by a person");
});
