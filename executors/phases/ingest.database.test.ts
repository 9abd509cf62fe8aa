import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import { type Environment, newEnvironment, runSpec } from "./testing/run-spec.ts";

const database = `ingest_${randomBytes(6).toString("hex")}`;
const urlOf = (name: string) => `postgresql://supabase_admin:only-for-tests@127.0.0.1:${(inject as (key: string) => number)("database_port")}/${name}`;
let source: pg.Client;
let folder: string;
let environment: Environment;

async function maintain(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf("template1") });
  await client.connect();
  await client.query(sql);
  await client.end();
}
beforeAll(async () => {
  await maintain(`create database ${database} template template0`);
  source = new pg.Client({ connectionString: urlOf(database) });
  await source.connect();
  await source.query(`
    create table res_partner (id int primary key, name text, credit numeric, signup_token text, write_date timestamp);
    insert into res_partner select i, 'Pärtner ' || i, i * 1.10, 'secret-' || i, '2026-01-01'::timestamp + i * interval '1 minute' from generate_series(1, 500) i;
    create table rel (a int, b int, primary key (a, b)); insert into rel select i, i % 3 from generate_series(1, 50) i`);
  folder = await mkdtemp(join(tmpdir(), "ingest-"));
  environment = newEnvironment(pathToFileURL(`${folder}/`), { odoo: urlOf(database) });
});
afterAll(async () => {
  await source.end();
  await maintain(`drop database ${database} with (force)`);
  await rm(folder, { recursive: true, force: true });
});

function load(text: string) {
  const checked = checkSpec(text);
  if (checked.spec === null) throw new Error(JSON.stringify(checked.errors));
  return checked.spec;
}
const bronze = load(`
version: 1
name: bronze
phases:
  - name: land
    type: ingest
    config: { source: odoo, tables: [{ name: res_partner, key: [id] }, { name: rel, key: [a, b] }, { name: crm_lead, key: [id], optional: true }] }
  - { name: check, type: validate, depends_on: [land] }
  - { name: publish, type: publish, depends_on: [check] }
quality: [{ dataset: bronze.res_partner, check: unique, columns: [id] }]`);
const silver = load(`
version: 1
name: silver
phases:
  - { name: make, type: transform, config: { inputs: [bronze.res_partner], tables: [{ name: silver.partners, key: [id], sql: "select id, name, credit::decimal(18,2) as credit, write_date, _run_id is not null and _ingested_at > '2026-01-01'::timestamptz as landed from bronze.res_partner" }] } }
  - { name: publish, type: publish, depends_on: [make] }`);

test("equal rows land as equal files on every run, and a repeat lands the recorded rows, not the live ones", { timeout: 120_000 }, async () => {
  const first = await runSpec(environment, bronze);
  expect(first.outputs.get("land")!.tables.map((table) => [table.name, table.row_count])).toEqual([["bronze.res_partner", 500], ["bronze.rel", 50]]);
  expect(first.outputs.get("land")!.facts).toMatchObject({ missing: ["crm_lead"], excluded: { res_partner: ["signup_token"] } });
  expect(JSON.stringify(first.run.input_manifest)).toContain('"horizon":"');
  const second = await runSpec(environment, bronze, { threads: 1 });
  expect(second.hashes).toEqual(first.hashes);

  const made = await runSpec(environment, silver);
  expect(made.outputs.get("make")!.tables[0]).toMatchObject({ row_count: 500 });

  await source.query("update res_partner set name = 'renamed' where id = 7; delete from rel where a = 9");
  const verified = await runSpec(environment, bronze, { repeats: first, isolated: true, threads: 4 });
  expect(verified.hashes).toEqual(first.hashes);
  expect(verified.messages[0]).toContain("not the live source");
  const fresh = await runSpec(environment, bronze);
  expect(fresh.hashes["land"]).not.toBe(first.hashes["land"]);
  expect(environment.datasets.get("bronze.res_partner")!.map((version) => version.run_id)).toEqual([first, second, fresh].map((record) => record.run.run_id));
});

test("a landing that fails names the table and stages nothing for readers", async () => {
  const wrong = structuredClone(bronze);
  const config = wrong.phases[0]!.config as { tables: { name: string; optional: boolean; key: string[]; exclude: string[] }[] };
  config.tables.push({ name: "nope", optional: false, key: ["id"], exclude: [] });
  const before = environment.datasets.get("bronze.res_partner")?.length;
  await expect(runSpec(environment, wrong)).rejects.toMatchObject({ code: "source_table_missing", place: "public.nope" });
  expect(environment.datasets.get("bronze.res_partner")?.length).toBe(before);
});

test("a connection that this executor does not have is connection_missing", async () => {
  await expect(runSpec({ ...environment, connections: {} }, bronze)).rejects.toMatchObject({ code: "connection_missing" });
});

test("a range is read anew into what has landed: its rows, and no others but those that are gone; twice it is the same, and the next landing goes on from where it was", { timeout: 120_000 }, async () => {
  await source.query("create table moves (id int primary key, day date, n int, note text); insert into moves select i, date '2026-01-01' + i % 10, i, 'old' from generate_series(1, 100) i");
  const land = (parameters: Record<string, unknown> = {}) => runSpec(environment, load(`
version: 1
name: replay
parameters: { type: object, properties: { from: { type: string }, to: { type: string } } }
phases:
  - name: land
    type: ingest
    config: { source: postgres, mode: incremental, tables: [{ name: moves, key: [id], exclude: [note], range: { column: day, from: "\${{ parameters.from }}", to: "\${{ parameters.to }}" } }] }
  - { name: publish, type: publish, depends_on: [land] }`), { parameters });
  await expect(land({ from: "2026-01-02" })).rejects.toMatchObject({ code: "dataset_missing" });
  await land();
  await source.query("update moves set n = -n where id in (1, 2, 3); delete from moves where id in (4, 11); insert into moves values (500, '2026-01-02', 500, 'new'), (501, '2026-01-05', 501, 'new')");
  const ask = load(`
version: 1
name: ask
phases: [{ name: ask, type: query, config: { inputs: [bronze.moves], sql: "select id, n from bronze.moves where id < 5 or id = 11 or id >= 500 order by id" } }]`);
  const rows = async () => (JSON.parse(await (await runSpec(environment, ask)).artifacts.get("ask.result.json")!.text()) as { sample: unknown[] }).sample;
  const first = await land({ from: "2026-01-02", to: "2026-01-03" });
  const replayed = [[1, -1], [2, 2], [3, 3], [500, 500]];
  expect(await rows()).toEqual(replayed);
  const again = await land({ from: "2026-01-02", to: "2026-01-03" });
  expect(again.outputs.get("land")!.tables).toEqual(first.outputs.get("land")!.tables);
  expect(await rows()).toEqual(replayed);
  const next = await land();
  expect(next.messages.find((message) => message.startsWith("land: Read"))).toContain("of 1 of them those that changed");
  expect(await rows()).toEqual([[1, -1], [2, -2], [3, -3], [500, 500], [501, 501]]);
  await source.query("alter table moves alter column n type bigint");
  await expect(land({ from: "2026-01-02" })).rejects.toMatchObject({ code: "lake_conflict" });
  await expect(land({ from: "no date" })).rejects.toMatchObject({ code: "source_failed" });
});
