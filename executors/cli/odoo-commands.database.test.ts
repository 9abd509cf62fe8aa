import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { checkSpec } from "../../contracts/check-spec.ts";
import { root, startTestServer, type TestServer } from "../../pipelines/testing/test-server.ts";
import type { CutoverStep } from "../sources/check-odoo.ts";
import { type OdooCheckOptions, checkOdooFile, printOdooPipeline } from "./odoo-commands.ts";
import { exit, type Output } from "./output.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PASSWORD = "of the reader: never shown";
const folder = mkdtempSync(join(tmpdir(), "odoo contract "));
let server: TestServer;
let source: pg.Client;
let port: string;

beforeAll(async () => {
  server = await startTestServer({ max_slot_wal_keep_size: "1GB" });
  port = new URL(server.superuser_url("postgres")).port;
  source = new pg.Client({ connectionString: server.superuser_url("postgres") });
  await source.connect();
  await source.query(`create role reader login replication noinherit password '${PASSWORD}'`);
});
afterAll(async () => {
  await source.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
/** An Odoo with two companies that the contract describes well. */
beforeEach(async () => {
  await source.query(`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots; drop publication if exists lake; alter role reader replication nosuperuser;
    drop schema public cascade; create schema public; grant usage on schema public to reader;
    create table ir_module_module (id int primary key, name text, latest_version text); insert into ir_module_module values (1, 'base', '17.0.1.3');
    create table res_company (id int primary key, name text); insert into res_company values (1, 'Azure'), (2, 'Bloem');
    create table res_partner (id int primary key, name text, email text, phone text, write_date timestamp); insert into res_partner values (1, 'one', 'a@b.c', '+32');
    create table sale_order (id int primary key, name text, access_token text);
    create table sale_tag_rel (order_id int, tag_id int, primary key (order_id, tag_id));
    grant select on all tables in schema public to reader;
    create publication lake for table res_company, res_partner (id, name, email, write_date), sale_order (id, name), sale_tag_rel;
    analyze`);
});

const contract = (): string => `
version: 1
name: odoo_bronze
source: { host: 127.0.0.1, port: ${port}, database: postgres, user: reader, sslmode: disable }
secret: odoo_password
odoo_version: "17.0"
mode: cdc
cdc: { slot: lake, publication: lake, max_lag_bytes: 1000000 }
companies: [Azure, Bloem]
groups:
  operations:
    max_age_seconds: 3600
    tables:
      - { name: sale_order, key: [id], columns: [name] }
      - { name: sale_tag_rel, key: [order_id, tag_id] }
      - { name: crm_lead, key: [id], optional: true }
  master_data:
    max_age_seconds: 86400
    tables:
      - { name: res_company, key: [id], min_rows: 1 }
      - { name: res_partner, key: [id], exclude: [phone], mask: [email] }
`;

function terminal(json: boolean): { output: Output; said: string[] } {
  const said: string[] = [];
  return { said, output: { json, line: (text) => void said.push(text), value: (value) => void said.push(JSON.stringify(value)), note: (text) => void said.push(text), paint: (_, text) => text } };
}
async function check(text = contract(), options: OdooCheckOptions = {}, env: Record<string, string> = { CONTROL_ROOM_SECRET_ODOO_PASSWORD: PASSWORD }) {
  const file = join(folder, "contract.yml");
  writeFileSync(file, text);
  const { output, said } = terminal(true);
  const code = await checkOdooFile(output, file, options, env, AbortSignal.timeout(30_000));
  expect(said.join("\n")).not.toContain(PASSWORD);
  const { ready, steps } = JSON.parse(said.join("\n")) as { ready: boolean; steps: CutoverStep[] };
  return { code, ready, steps, failed: steps.filter(({ state }) => state === "fail").map(({ step }) => step), of: (name: string) => steps.find(({ step }) => step === name)! };
}

test("a database that is as the contract says passes every step, and what only a person can see is manual", async () => {
  const { code, ready, failed, steps } = await check();
  expect({ code, ready, failed }).toEqual({ code: exit.ok, ready: true, failed: [] });
  expect(steps.filter(({ state }) => state === "pass").map(({ step }) => step)).toEqual([
    "secret", "database", "login", "odoo_version", "companies", "tables", "company_rows", "keys", "rights", "privacy", "row_counts", "wal_level", "replication_right", "publication", "log", "slot", "slot_limit",
  ]);
  expect(steps.filter(({ state }) => state === "manual").map(({ step }) => step)).toEqual(["pipeline", "connection_test", "first_landing", "alerts", "way_back"]);
});

test.each<[step: string, what: string, sql: string, says: string]>([
  ["login", "a superuser", "alter role reader superuser", "superuser"],
  ["odoo_version", "another Odoo", "update ir_module_module set latest_version = '18.0.1.0'", "18.0.1.0"],
  ["odoo_version", "no Odoo at all", "drop table ir_module_module", "source_table_missing"],
  ["companies", "a company too few", "delete from res_company where id = 2", "Bloem"],
  ["tables", "no table", "drop table sale_tag_rel", "public.sale_tag_rel"],
  ["tables", "no column", "alter table sale_order drop column name cascade; alter publication lake add table sale_order (id)", "sale_order has not name"],
  ["keys", "a key that is not unique", "alter table sale_tag_rel drop constraint sale_tag_rel_pkey; alter table sale_tag_rel replica identity full", "sale_tag_rel (order_id, tag_id)"],
  ["rights", "a column without SELECT", "revoke select on sale_order from reader; grant select (id) on sale_order to reader", "sale_order (name)"],
  ["row_counts", "an empty table", "truncate res_company", "at least 1"],
  ["replication_right", "no REPLICATION", "alter role reader noreplication", "may not read the log"],
  ["publication", "no publication", "drop publication lake", "there is no publication lake"],
  ["publication", "a publication without deletes", "alter publication lake set (publish = 'insert')", "leaves out"],
  ["log", "a table out of the publication", "alter publication lake drop table sale_order", "has not this table"],
  ["log", "a column out of the publication", "alter publication lake drop table res_partner; alter publication lake add table res_partner (id, name)", "email"],
  ["log", "deletes without a key", "alter table sale_order replica identity nothing", "REPLICA IDENTITY NOTHING"],
])("%s fails: %s", async (step, _, sql, says) => {
  await source.query(sql);
  const { code, ready, failed, of } = await check();
  expect({ code, ready }).toEqual({ code: exit.failed, ready: false });
  expect(failed).toContain(step);
  expect(of(step).why).toContain(says);
  expect(of(step).remedy).not.toBe("");
});

test("which companies and which tables the filter leaves whole is told, and a column that says of which company a row is may not be excluded", async () => {
  await source.query("insert into res_company values (3, 'Ceder'); alter table sale_order add column company_id int");
  const { of } = await check(contract().replace("mode: cdc\ncdc: { slot: lake, publication: lake, max_lag_bytes: 1000000 }", "mode: incremental"));
  expect(of("companies")).toMatchObject({ state: "pass", why: "Azure, Bloem; the rows of Ceder do not land" });
  expect(of("company_rows").why).toMatch(/^2 tables land .*: sale_tag_rel, res_partner$/);
  expect((await check(contract().replace("columns: [name]", "exclude: [company_id]"))).failed).toContain("tables");
});

test("a slot that is far behind fails, one that is near passes", async () => {
  await source.query("select pg_create_logical_replication_slot('lake', 'pgoutput')");
  expect((await check()).of("slot")).toMatchObject({ state: "pass", why: expect.stringContaining("read by nobody at the moment") as string });
  await source.query("create table filler as select repeat(i::text, 100) from generate_series(1, 20000) i");
  expect((await check()).failed).toEqual(["slot"]);
});

test("the statement that is told makes the publication, without what may not land", async () => {
  await source.query("drop publication lake");
  const statement = /create publication .*;/.exec((await check()).of("publication").remedy!)![0];
  expect(statement).not.toMatch(/phone|access_token/);
  await source.query(statement);
  expect((await check()).failed).toEqual([]);
});

test("a wrong password, a wrong port and no password at all fail, and the password is shown by none", async () => {
  expect((await check(contract(), {}, { CONTROL_ROOM_SECRET_ODOO_PASSWORD: "wrong-password" })).of("database").why).toContain("source_auth_failed");
  expect((await check(contract().replace(`port: ${port}`, "port: 1"))).of("database").why).toContain("source_unreachable");
  const without = await check(contract(), {}, {});
  expect(without.failed).toEqual(["secret", "database"]);
  expect((await check(contract(), {}, { CONTROL_ROOM_CONNECTION_ODOO: `postgres://reader:${encodeURIComponent(PASSWORD)}@h/db` })).of("secret").why).toBe("odoo_password comes from CONTROL_ROOM_CONNECTION_ODOO");
  writeFileSync(join(folder, "password"), `${PASSWORD}\n`);
  expect((await check(contract(), { secretFile: join(folder, "password") }, {})).failed).toEqual([]);
});

test("the pipeline that is made of the contract is valid and obeys it; one that lands more does not", async () => {
  const { output, said } = terminal(false);
  const file = join(folder, "contract.yml");
  writeFileSync(file, contract());
  expect(await printOdooPipeline(output, file)).toBe(exit.ok);
  const made = said.join("\n");
  expect(checkSpec(made)).toMatchObject({ errors: [], spec: { phases: [{ config: { mode: "cdc", tables: [{}, {}, {}, {}, { name: "res_partner", exclude: ["phone"], mask: ["email"] }] } }, {}, {}] } });
  const pipeline = join(folder, "pipeline.yml");
  writeFileSync(pipeline, made);
  expect((await check(contract(), { pipeline })).of("pipeline").state).toBe("pass");
  const spec = parse(made) as { freshness?: unknown; phases: { config: { mode: string; companies?: string[]; tables: { name: string; exclude?: string[]; mask?: string[]; key: string[] }[] } }[] };
  const { tables } = spec.phases[0]!.config;
  delete spec.freshness;
  delete spec.phases[0]!.config.companies;
  delete tables[4]!.exclude;
  delete tables[4]!.mask;
  tables.splice(0, 1);
  tables.push({ name: "res_users", key: ["id"] });
  writeFileSync(pipeline, JSON.stringify(spec));
  const { failed, of } = await check(contract(), { pipeline });
  expect(failed).toEqual(["pipeline"]);
  for (const says of ["lands the rows of every company", "with phone, which the contract excludes", "with email unmasked", "res_users, which is not in the contract", "sale_order lands by no phase"]) expect(of("pipeline").why).toContain(says);
});

test("the reference contract is obeyed by the reference pipeline", async () => {
  const text = readFileSync(join(root, "pipelines", "contracts", "odoo_production.yml"), "utf8");
  expect((await check(text, { pipeline: join(root, "pipelines", "odoo_ingest_bronze.yml") }, {})).of("pipeline")).toMatchObject({ state: "pass" });
});

test("people read state, step and reason; a file that is no contract is named with line and column", async () => {
  const file = join(folder, "contract.yml");
  writeFileSync(file, contract());
  const { output, said } = terminal(false);
  expect(await checkOdooFile(output, file, {}, { CONTROL_ROOM_SECRET_ODOO_PASSWORD: PASSWORD }, AbortSignal.timeout(30_000))).toBe(exit.ok);
  expect(said).toContain("pass    odoo_version       base 17.0.1.3");
  expect(said.at(-1)).toBe("17 passed, 0 failed, 5 for a person");
  writeFileSync(file, contract().replace("mode: cdc", "mode: cdd").replace("exclude: [phone]", "exclude: [id]"));
  await expect(checkOdooFile(output, file, {}, {}, AbortSignal.timeout(30_000))).rejects.toMatchObject({ code: "invalid_input", errors: [{ line: 7, path: "/mode" }] });
  writeFileSync(file, contract().replace("exclude: [phone]", "exclude: [id]"));
  await expect(checkOdooFile(output, file, {}, {}, AbortSignal.timeout(30_000))).rejects.toMatchObject({ errors: [{ code: "key_hidden" }] });
});
