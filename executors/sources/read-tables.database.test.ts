import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { runDuckdb } from "../engines/duckdb.ts";
import type { CopyResult, QueryResult } from "../engines/duckdb-job.ts";
import { csvToParquet } from "./csv-to-parquet.ts";
import { type ReadRequest, type ReadTable, readTables } from "./read-tables.ts";

const PASSWORD = "only-for-tests";
const database = `source_${randomBytes(6).toString("hex")}`;
const urlOf = (name: string, user = "supabase_admin", password = PASSWORD) =>
  `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${(inject as (key: string) => number)("database_port")}/${name}`;
let url: string;
let scratch: string;
let source: pg.Client;

async function connect(to: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: to });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

beforeAll(async () => {
  const maintenance = await connect(urlOf("template1"));
  await maintenance.query(`create database ${database} template template0`);
  await maintenance.end();
  url = urlOf(database);
  source = await connect(url);
});
afterAll(async () => {
  await source.end();
  const maintenance = await connect(urlOf("template1"));
  await maintenance.query(`drop database ${database} with (force)`);
  await maintenance.end();
});
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "source-"));
  await source.query("drop schema public cascade; create schema public");
  return () => rm(scratch, { recursive: true, force: true });
});

function read(tables: ReadRequest["tables"], overrides: Partial<ReadRequest> = {}) {
  return readTables({ kind: "postgres", url, schema: "public", tables, directory: scratch, signal: new AbortController().signal, statement_timeout_ms: 60_000, ...overrides });
}

async function land(table: ReadTable, sql: string): Promise<{ copy: CopyResult; rows: Record<string, unknown>[] }> {
  const to = join(scratch, "out.parquet");
  const step = { ...csvToParquet(table, { name: `bronze.${table.name}`, to, shift: null }), define_view: true };
  const { results } = await runDuckdb(
    { views: [], steps: [step, { kind: "query", name: "check", sql, max_rows: 1000 }] },
    { signal: new AbortController().signal, memory_mb: 512, threads: 2, scratch, directories: [scratch], timeout_ms: 60_000 },
  );
  return { copy: results[0] as CopyResult, rows: (results[1] as QueryResult).rows };
}

test("every value lands as it stood in the source", async () => {
  await source.query(`
    create domain price as numeric(10,3);
    create table kinds (id int8 primary key, small int2, n int4, flag bool, name text, note varchar(50), code char(4), day date, at timestamp, atz timestamptz,
      loose numeric, money numeric(18,2), wide numeric(50,10), domained price, ratio float8, single float4, doc jsonb, tags text[], uid uuid, bytes bytea, span interval, hour time);
    insert into kinds values
      (1, -5, 7, true, E'comma, "quote"\nnew line\r\nand \\\\N', '', 'ab', '2024-02-29', '2024-02-29 10:00:00.123456', '2024-02-29 10:00:00+02',
        'NaN', 12345678901234.56, 1.5, 1.25, 'Infinity', 0.1, '{"en_US": "Tëst", "n": null}', '{a,"b,c",NULL}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff', '1 day 02:03', '23:59:59.5'),
      (9007199254740993, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
      (3, 0, 0, false, '', E'\\\\N', ' ', 'infinity', '-infinity', 'infinity', 0.10000000000000000000001, 0, 0, 0, 'NaN', 1e-7, '[]', '{}', null, '', null, '00:00')`);
  const { tables: [table] } = await read([{ name: "kinds", key: ["id"] }]);
  expect(table).toMatchObject({ content: { rows: 3 }, missing: false, excluded: [] });
  const { copy, rows } = await land(table!, "select * replace (day::varchar as day) from bronze.kinds");
  expect(Object.fromEntries(copy.columns.map((column) => [column.name, column.type]))).toEqual({
    id: "BIGINT", small: "INTEGER", n: "INTEGER", flag: "BOOLEAN", name: "VARCHAR", note: "VARCHAR", code: "VARCHAR", day: "DATE", at: "TIMESTAMP WITH TIME ZONE", atz: "TIMESTAMP WITH TIME ZONE",
    loose: "VARCHAR", money: "DECIMAL(18,2)", wide: "VARCHAR", domained: "DECIMAL(10,3)", ratio: "DOUBLE", single: "DOUBLE", doc: "VARCHAR", tags: "VARCHAR", uid: "VARCHAR", bytes: "VARCHAR", span: "VARCHAR", hour: "VARCHAR",
  });
  expect(rows.map((row) => row["id"])).toEqual(["1", "3", "9007199254740993"]);
  expect(rows[0]).toEqual({
    id: "1", small: -5, n: 7, flag: true, name: 'comma, "quote"\nnew line\r\nand \\N', note: "", code: "ab  ", day: "2024-02-29", at: "2024-02-29 10:00:00.123456+00", atz: "2024-02-29 08:00:00+00",
    loose: "NaN", money: "12345678901234.56", wide: "1.5000000000", domained: "1.250", ratio: "Infinity", single: 0.1, doc: '{"n": null, "en_US": "Tëst"}', tags: '{a,"b,c",NULL}',
    uid: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", bytes: "\\x00ff", span: "1 day 02:03:00", hour: "23:59:59.5",
  });
  expect(rows[1]).toMatchObject({ name: "", note: "\\N", day: "infinity", at: "-infinity", atz: "infinity", loose: "0.10000000000000000000001", ratio: "NaN", single: 1e-7, uid: null, bytes: "\\x" });
  const { id: _id, ...nulls } = rows[2]!;
  expect(Object.values(nulls).every((value) => value === null)).toBe(true);
});

test("the bytes that land do not depend on the order in which the source stores its rows", async () => {
  const hashes: string[] = [];
  for (const order of ["i", "md5(i::text)"]) {
    await source.query("drop table if exists many");
    await source.query(`create table many as select i as id, 'näme ' || i as name, case when i % 3 = 0 then '' when i % 3 = 1 then null else repeat('x', i % 50) end as note from generate_series(1, 10000) i order by ${order}`);
    const { tables: [table] } = await read([{ name: "many", key: ["id"] }]);
    const { copy, rows } = await land(table!, "select count(*) as n, count(note) as notes, count(*) filter (note = '') as empty, sum(id) as s from bronze.many");
    expect(rows).toEqual([{ n: "10000", notes: "6666", empty: "3400", s: "50005000" }]);
    hashes.push(copy.file!.sha256);
  }
  expect(hashes[0]).toBe(hashes[1]);
});

test("empty tables, one-column tables of empty texts, views and very long rows land", async () => {
  await source.query(`create table nothing (id int, name text);
    create table one (name text); insert into one values (''), ('\\.'), ('b');
    create view seen as select 1 as id, repeat('ü"', 700000) as big, 'after' as name`);
  const { tables } = await read([{ name: "nothing", key: ["id"] }, { name: "one", key: ["name"] }, { name: "seen", key: ["id"] }]);
  expect((await land(tables[0]!, "select count(*) as n from bronze.nothing")).rows).toEqual([{ n: "0" }]);
  expect((await land(tables[1]!, "select name from bronze.one")).rows).toEqual([{ name: "" }, { name: "\\." }, { name: "b" }]);
  expect((await land(tables[2]!, "select length(big) as l, name from bronze.seen")).rows).toEqual([{ l: "1400000", name: "after" }]);
});

test("all tables come from one snapshot, whatever is committed meanwhile", async () => {
  await source.query("create table a (id int primary key); create table b (id int primary key); insert into a values (1); insert into b values (1)");
  let written: Promise<unknown> = Promise.resolve();
  const { tables } = await read(
    [{ name: "a", key: ["id"] }, { name: "a", key: ["id"] }, { name: "b", key: ["id"] }].filter((_, index) => index !== 1),
    { onTable: ({ name }) => { if (name === "a") written = source.query("insert into a values (2); insert into b values (2)"); } },
  );
  await written;
  expect(tables.map((table) => table.content?.rows)).toEqual([1, 1]);
  const { tables: later } = await read([{ name: "a", key: ["id"] }, { name: "b", key: ["id"] }]);
  expect(later.map((table) => table.content?.rows)).toEqual([2, 2]);
});

test("the horizon is the start of the oldest open transaction, else the present", async () => {
  await source.query("create table a (id int primary key)");
  const quiet = (await read([{ name: "a", key: ["id"] }])).snapshot;
  expect(quiet.horizon <= quiet.taken_at).toBe(true);
  expect(quiet).toMatchObject({ horizon_exact: true, server_version: expect.stringMatching(/^17\./) as string });
  const writer = await connect(url);
  await writer.query("begin");
  const { rows: [began] } = await writer.query<{ at: string }>(`select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`);
  await source.query("select 1");
  const busy = (await read([{ name: "a", key: ["id"] }])).snapshot;
  expect(busy.horizon).toBe(began!.at);
  await writer.query("rollback");
  await writer.end();
});

test("secrets and private columns of Odoo never land, asked for or not", async () => {
  await source.query(`
    create table res_users (id int primary key, login text, password text, totp_secret text, signature text);
    create table res_partner (id int primary key, name text, barcode text, signup_token text, signup_type text, signup_expiration timestamp);
    create table hr_employee (id int primary key, name text, department_id int, private_street text, identification_id text, passport_id text, ssnid text, birthday date,
      marital text, spouse_birthdate date, children int, bank_account_id int, permit_no text, visa_no text, visa_expire date, emergency_phone text, pin text, barcode text, gender text);
    create table account_payment (id int primary key, amount numeric, payment_token_id int);
    create table sale_order (id int primary key, access_token text, name text);
    create table product_product (id int primary key, barcode text);
    create table res_users_apikeys (id int primary key); create table ir_config_parameter (id int primary key); create table payment_token (id int primary key)`);
  const names = ["res_users", "res_partner", "hr_employee", "account_payment", "sale_order", "product_product"];
  const { tables } = await read(names.map((name) => ({ name, key: ["id"] })), { kind: "odoo" });
  expect(Object.fromEntries(tables.map((table) => [table.name, table.content!.columns.map((column) => column.name)]))).toEqual({
    res_users: ["id", "login", "signature"],
    res_partner: ["id", "name", "barcode"],
    hr_employee: ["id", "name", "department_id"],
    account_payment: ["id", "amount"],
    sale_order: ["id", "name"],
    product_product: ["id", "barcode"],
  });
  for (const name of ["res_users_apikeys", "ir_config_parameter", "payment_token"]) {
    await expect(read([{ name, key: ["id"] }], { kind: "odoo" })).rejects.toMatchObject({ code: "source_table_refused" });
  }
});

test("a missing table is named with what to do, unless it is optional", async () => {
  await source.query("create table a (id int primary key, name text)");
  await expect(read([{ name: "nope", key: ["id"] }])).rejects.toMatchObject({ code: "source_table_missing", place: "public.nope", remedy: expect.stringContaining("optional") as string });
  const { tables } = await read([{ name: "nope", key: ["id"], optional: true }, { name: "a", key: ["id"], exclude: ["name"] }]);
  expect(tables[0]).toMatchObject({ name: "nope", missing: true, content: null });
  expect(tables[1]).toMatchObject({ missing: false, excluded: ["name"] });
  await expect(read([{ name: "a", key: ["code"] }])).rejects.toMatchObject({ code: "source_column_missing", place: "public.a.code" });
});

test("a wrong password, database, host or URL has its own code and never shows the password", async () => {
  const attempt = async (to: string, code: string): Promise<void> => {
    const failing = read([{ name: "a", key: ["id"] }], { url: to });
    await expect(failing).rejects.toMatchObject({ code });
    await expect(failing).rejects.not.toThrow(/geheim|only-for-tests/);
  };
  await attempt(urlOf(database, "postgres", "geheim"), "source_auth_failed");
  await attempt(urlOf("no_such_database"), "source_database_missing");
  await attempt("postgresql://u:geheim@127.0.0.1:1/x", "source_unreachable");
  await attempt("postgresql://u:geheim@no-such-host.invalid/x", "source_unreachable");
  await attempt("postgresql://u:geheim@[broken/x", "source_url_invalid");
  await attempt("mysql://u:geheim@h/x", "source_url_invalid");
});

test("a server that never answers is unreachable after its time", async () => {
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as { port: number };
  await expect(read([], { url: `postgresql://u:p@127.0.0.1:${port}/x`, connect_timeout_ms: 400 })).rejects.toMatchObject({ code: "source_unreachable", retryable: true });
  silent.close();
});

test("a login without rights is told which table", async () => {
  const role = `reader_${randomBytes(4).toString("hex")}`;
  await source.query(`create role ${role} login password 'p'; create table hidden (id int primary key); grant usage on schema public to ${role}`);
  try {
    await expect(read([{ name: "hidden", key: ["id"] }], { url: urlOf(database, role, "p") })).rejects.toMatchObject({ code: "source_permission_denied", place: "public.hidden" });
  } finally {
    await source.query(`drop owned by ${role}; drop role ${role}`);
  }
});

test("a login that may do more than a source needs is told of, and runs nobody else's view and reads no catalog; any other may", async () => {
  const [author, reader] = ["author", "reader"].map((name) => `${name}_${randomBytes(4).toString("hex")}`) as [string, string];
  await source.query(`create role ${author} login; create role ${reader} login noinherit replication password 'p'; grant usage, create on schema public to ${author}; grant usage on schema public to ${reader};
    set role ${author};
    create table numbers as select 1 as id; create function trap() returns int language plpgsql as $$ begin if current_setting('is_superuser') = 'on' then perform pg_read_file('PG_VERSION'); end if; return 1; end $$;
    create view tempting as select trap() as id; grant select on numbers, tempting to ${reader}; reset role`);
  try {
    const told: string[] = [];
    const onStrongLogin: ReadRequest["onStrongLogin"] = ({ login }) => void told.push(login);
    const ask = (name: string, more: Partial<ReadRequest> = {}) => read([{ name, key: ["id"] }], { onStrongLogin, ...more });
    expect((await ask("numbers")).tables).toHaveLength(1);
    expect(told).toEqual(["supabase_admin"]);
    await expect(ask("tempting")).rejects.toMatchObject({ code: "source_login_too_strong", place: "public.tempting" });
    await expect(read([{ name: "pg_authid", key: ["oid"] }], { schema: "pg_catalog" })).rejects.toMatchObject({ code: "source_login_too_strong" });
    // Changes are read with REPLICATION: that is no reason here.
    expect((await ask("tempting", { url: urlOf(database, reader, "p") })).tables).toHaveLength(1);
    expect(told).toEqual(["supabase_admin", "supabase_admin"]);
  } finally {
    await source.query(`drop owned by ${author}, ${reader}; drop role ${author}, ${reader}`);
  }
});

test("a statement past its time is source_timeout", async () => {
  await source.query("create view slow as select 1 as id, pg_sleep(60)::text as s");
  await expect(read([{ name: "slow", key: ["id"] }], { statement_timeout_ms: 300 })).rejects.toMatchObject({ code: "source_timeout", retryable: true });
});

test("an abort cancels the statement on the server and the connection is gone", async () => {
  await source.query("create view slow as select i as id, pg_sleep(0.01)::text as s, repeat('x', 2000) as t from generate_series(1, 100000) i");
  const controller = new AbortController();
  const reading = read([{ name: "slow", key: ["id"] }], { signal: controller.signal });
  await expect.poll(async () => (await readdir(scratch)).length).toBe(1);
  controller.abort(new Error("canceled by a person"));
  await expect(reading).rejects.toThrow("canceled by a person");
  const open = async (): Promise<number> =>
    (await source.query("select 1 from pg_stat_activity where datname = $1 and application_name = 'lakehouse-control-room'", [database])).rows.length;
  await expect.poll(open, { timeout: 5000 }).toBe(0);
});
