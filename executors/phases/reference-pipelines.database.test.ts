import { mkdtemp, readFile, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import { ensureDemoSource } from "../../pipelines/demo-source/main.ts";
import { compareOutputs } from "../core/verify-run.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { compareTables } from "./compare-tables.ts";
import { lakeTable } from "./staging.ts";
import { type Environment, type RunRecord, newEnvironment, runSpec } from "./testing/run-spec.ts";

const PIPELINES = ["odoo_ingest_bronze", "bronze_to_silver", "silver_to_gold"];
let folder: string;
let admin_url: string;
let environment: Environment;

beforeAll(async () => {
  const port = (inject as (key: string) => number)("database_port");
  admin_url = `postgresql://postgres:only-for-tests@127.0.0.1:${port}/postgres?sslmode=disable`;
  const source = await ensureDemoSource(admin_url, { size: "S", password: "of the reader" });
  folder = await mkdtemp(join(tmpdir(), "reference-"));
  environment = newEnvironment(pathToFileURL(`${folder}/`), { odoo: source.database_url });
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function load(name: string) {
  const read = (path: string): string => readFileSync(new URL(`../../pipelines/${path}`, import.meta.url), "utf8");
  const checked = checkSpec(read(`${name}.yml`), { readSqlFile: read });
  if (checked.spec === null) throw new Error(`${name}: ${JSON.stringify(checked.errors)}`);
  return checked.spec;
}

/** All three, one after the other; `as_of` is a parameter, so that no mart depends on the day of the run. */
async function runAll(threads: number, at: Environment = environment): Promise<RunRecord[]> {
  const records = [];
  for (const name of PIPELINES) records.push(await runSpec(at, load(name), { threads, parameters: name === "silver_to_gold" ? { as_of: "2026-11-22" } : {} }));
  return records;
}

let first: RunRecord[];
beforeAll(async () => {
  first = await runAll(2);
}, 300_000);
afterEach(() => void vi.useRealTimers());

test("each table of silver and gold tells of which columns it is made", () => {
  const tables = first.slice(1).flatMap((record) => [...record.outputs.values()].flatMap((output) => output.tables)).filter(({ lineage }) => lineage !== undefined);
  const told = new Map(tables.map((table) => [table.name, table.lineage!]));
  expect([...told.keys()].filter((name) => name.startsWith("gold.")).length).toBeGreaterThanOrEqual(12);
  expect([...told].filter(([, { columns }]) => columns === null).map(([name]) => name)).toEqual([]);
  for (const table of tables) expect(Object.keys(table.lineage!.columns!).toSorted(), table.name).toEqual([...table.columns, ...table.partition_columns].map(({ name }) => name).toSorted());
  expect(told.get("silver.partners")!.columns!["partner_id"]).toEqual([{ dataset: "bronze.res_partner", column: "id", kind: "IDENTITY" }]);
});

test("the reference pipelines carry the demo source to gold, and what is registered is what the log says, with nothing private in it", async () => {
  expect(Number(environment.datasets.get("gold.receivables_ageing")![0]!.row_count)).toBeGreaterThan(10);
  expect([...environment.datasets.keys()].filter((name) => name.startsWith("gold.")).length).toBeGreaterThanOrEqual(12);
  expect(first[2]!.artifacts.has("gold.receivables_ageing.parquet")).toBe(true);
  for (const [name, versions] of environment.datasets) {
    const table = await lakeTable(`${environment.lake}/${environment.environment_id}`, name);
    const snapshot = (await readSnapshot(table, Number(versions.at(-1)!.table_version)))!;
    expect(snapshot.files.reduce((sum, file) => sum + (file.rows ?? 0), 0)).toBe(Number(versions.at(-1)!.row_count));
    expect(snapshot.columns.filter((column) => /password|totp|signup_token|access_token|private_|ssnid/.test(column.name))).toEqual([]);
    for (const file of snapshot.files) expect((await readFile(join(fileURLToPath(table.storage.url), table.path, file.path))).subarray(0, 4).toString()).toBe("PAR1");
  }
});

test("another worker, with another thread count, on another day, makes every output of every reference pipeline again, to the byte", { timeout: 300_000 }, async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 40 * 86_400_000 });
  const scratch = await mkdtemp(join(tmpdir(), "another worker "));
  try {
    const again = await runAll(1, { ...environment, scratch });
    for (const [index, name] of PIPELINES.entries()) {
      const compared = compareOutputs(load(name), first[index]!.outputs, again[index]!.outputs);
      expect(compared).toMatchObject({ equal: true, unequal: [], facts: [] });
      expect(compared.tables).toBeGreaterThan(10);
      expect(again[index]!.hashes).toEqual(first[index]!.hashes);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const content = (name: string): string[] => environment.datasets.get(name)!.map((version) => version.content_sha256);
  for (const name of environment.datasets.keys()) expect([name, new Set(content(name)).size, content(name).length]).toEqual([name, 1, 2]);
});

// The engine is a process of its own, whose clock no test can turn.
test("no reference pipeline asks for the time, or for chance", () => {
  for (const name of PIPELINES) expect(JSON.stringify(load(name)).match(/\b(now|today|current_date|current_timestamp|get_current_\w+|transaction_timestamp|random|uuid|gen_random_uuid|setseed)\s*\(|\bcurrent_(date|time|timestamp)\b/i)?.[0] ?? null, name).toBeNull();
});

test("one row that is another in the source is found in each table that it reached, and named with its column", { timeout: 300_000 }, async () => {
  const writer = new pg.Client({ connectionString: `${admin_url.replace(/\/postgres\?/, "/odoo_demo?")}` });
  await writer.connect();
  try {
    await writer.query("update res_partner set complete_name = complete_name || ' (planted)' where id = (select commercial_partner_id from account_move where move_type = 'out_invoice' and state = 'posted' order by id limit 1)");
    const { rows: [partner] } = await writer.query<{ id: number }>("select id from res_partner where complete_name like '% (planted)'");
    const planted = await runAll(2);
    const named = [];
    for (const [index, name] of PIPELINES.entries()) {
      const { unequal } = compareOutputs(load(name), first[index]!.outputs, planted[index]!.outputs);
      const read_root = `${environment.lake}/${environment.environment_id}`;
      named.push(...(await compareTables.compare(unequal, { original_run_id: first[index]!.run.run_id, lake: { read_root, write_root: read_root }, scratch: environment.scratch, signal: AbortSignal.timeout(120_000), limits: { memory_mb: 512, threads: 2 } })));
    }
    const found = new Map(named.map((difference) => [difference.dataset, difference]));
    for (const [table, column] of [["bronze.res_partner", "complete_name"], ["silver.partners", "name"], ["gold.revenue_by_month_customer", "customer"]] as const) {
      expect(found.get(table), table).toMatchObject({ verdict: "differs", rows_added: 0, rows_removed: 0 });
      expect(found.get(table)!.columns.map((each) => each.name), table).toEqual([column]);
    }
    expect(found.get("silver.partners")!.sample).toEqual([{ kind: "changed", key: { partner_id: String(partner!.id) }, values: { name: { original: expect.not.stringContaining("planted"), again: expect.stringContaining("(planted)") } } }]);
    // Nothing else: the partner's name stands in marts of partners alone.
    expect([...found.keys()].filter((name) => name.startsWith("silver.") && !/partners|users/.test(name))).toEqual([]);
  } finally {
    // Other tests use this source.
    await writer.query("update res_partner set complete_name = replace(complete_name, ' (planted)', '') where complete_name like '% (planted)'");
    await writer.end();
  }
});
