import { mkdtemp, readFile, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import { ensureDemoSource } from "../../pipelines/demo-source/main.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { lakeTable } from "./staging.ts";
import { type Environment, type RunRecord, newEnvironment, runSpec } from "./testing/run-spec.ts";

const PIPELINES = ["odoo_ingest_bronze", "bronze_to_silver", "silver_to_gold"];
let folder: string;
let environment: Environment;

beforeAll(async () => {
  const port = (inject as (key: string) => number)("database_port");
  const source = await ensureDemoSource(`postgresql://postgres:only-for-tests@127.0.0.1:${port}/postgres?sslmode=disable`, { size: "S", password: "of the reader" });
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

async function runAll(threads: number): Promise<RunRecord[]> {
  const records = [];
  for (const name of PIPELINES) {
    const parameters: Record<string, unknown> = name === "silver_to_gold" ? { as_of: "2026-11-22" } : {};
    records.push(await runSpec(environment, load(name), { threads, parameters }));
  }
  return records;
}

test("the reference pipelines carry the demo source to gold, and again with equal hashes on another thread count", { timeout: 300_000 }, async () => {
  const first = await runAll(2);
  const gold = environment.datasets.get("gold.receivables_ageing")!;
  expect(Number(gold[0]!.row_count)).toBeGreaterThan(10);
  expect(first[2]!.artifacts.has("gold.receivables_ageing.parquet")).toBe(true);
  const second = await runAll(1);
  expect(second.map((record) => record.hashes)).toEqual(first.map((record) => record.hashes));
  const content = (name: string): string[] => environment.datasets.get(name)!.map((version) => version.content_sha256);
  for (const name of environment.datasets.keys()) expect([name, new Set(content(name)).size, content(name).length]).toEqual([name, 1, 2]);
  // What is registered is what the log says, and nothing private stands in it.
  for (const [name, versions] of environment.datasets) {
    const table = await lakeTable(`${environment.lake}/${environment.environment_id}`, name);
    const snapshot = (await readSnapshot(table, Number(versions.at(-1)!.table_version)))!;
    expect(snapshot.files.reduce((sum, file) => sum + (file.rows ?? 0), 0)).toBe(Number(versions.at(-1)!.row_count));
    expect(snapshot.columns.filter((column) => /password|totp|signup_token|access_token|private_|ssnid/.test(column.name))).toEqual([]);
    for (const file of snapshot.files) expect((await readFile(join(fileURLToPath(table.storage.url), table.path, file.path))).subarray(0, 4).toString()).toBe("PAR1");
  }
});
