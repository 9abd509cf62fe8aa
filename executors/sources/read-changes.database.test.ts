import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { startTestServer, type TestServer } from "../../pipelines/testing/test-server.ts";
import { type ChangesRequest, readChanges } from "./read-changes.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: TestServer;
let source: pg.Client;
let scratch: string;
let marks: Record<string, number>;

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("set synchronous_commit = on");
  return client;
}
beforeAll(async () => {
  server = await startTestServer({ max_slot_wal_keep_size: "1MB" });
  source = await connect(server.superuser_url("postgres"));
  await source.query("create role reader login replication password 'p'; create role idle login password 'p'");
});
afterAll(async () => {
  await source.end();
  await server.stop();
});
beforeEach(async () => {
  marks = {};
  scratch = await mkdtemp(join(tmpdir(), "changes-"));
  await source.query(`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots; drop publication if exists log;
    drop schema public cascade; create schema public; create table a (id int primary key, name text, phone text); insert into a values (1, 'one', '+32 1'), (2, 'two', null);
    create publication log for table a; grant usage on schema public to reader, idle; grant select on all tables in schema public to reader, idle`);
  return () => rm(scratch, { recursive: true, force: true });
});

const as = (user: string): string => server.superuser_url("postgres").replace(/\/\/[^@]*@/, `//${user}:p@`);

/** Reads as `reader` unless told otherwise; what it answers has landed for the next time. */
async function read(overrides: Partial<ChangesRequest> = {}) {
  const read = await readChanges({
    kind: "postgres", url: as("reader"), schema: "public", tables: [{ name: "a", key: ["id"] }], directory: scratch, signal: new AbortController().signal, statement_timeout_ms: 30_000,
    slot: "slot_of_test", publication: "log", resync: false, since: (_, app_id) => (marks[app_id] === undefined ? null : { version: marks[app_id], slices: null }), ...overrides,
  });
  for (const { mark } of read.tables) if (mark !== null) marks[mark.app_id] = mark.version;
  return { ...read, rows: read.tables.map((table) => table.content?.rows) };
}

test("a login that may replicate and select, and nothing else, follows the log", async () => {
  expect(await read()).toMatchObject({ rows: [2], slot: null });
  await source.query("update a set name = 'uno' where id = 1");
  expect(await read()).toMatchObject({ rows: [1], slot: { wal_status: "reserved", active: false } });
});

test.each<[code: string, what: string, sql: string, overrides: Partial<ChangesRequest>]>([
  ["source_publication_missing", "no publication", "drop publication log", {}],
  ["source_publication_incomplete", "a publication without the table", "create table b (id int primary key); grant select on b to reader", { tables: [{ name: "b", key: ["id"] }] }],
  ["source_publication_incomplete", "a publication without deletes", "alter publication log set (publish = 'insert, update')", {}],
  ["source_publication_incomplete", "a publication without a column", "alter publication log set table a (id, name)", {}],
  ["source_publication_incomplete", "a publication with a row filter", "alter publication log set table a where (id > 0)", {}],
  ["source_replica_identity", "a table without a primary key", "alter table a drop constraint a_pkey", {}],
  ["source_replica_identity", "deletes that name nothing", "alter table a replica identity nothing", {}],
  ["source_permission_denied", "a column that the login may not read", "revoke select on a from reader; grant select (id, name) on a to reader", {}],
  ["source_not_logged", "row level security", "alter table a enable row level security", {}],
  ["source_not_logged", "a view", "create view v as select 1 as id; grant select on v to reader", { tables: [{ name: "v", key: ["id"] }] }],
  ["source_table_missing", "no table", "select 1", { tables: [{ name: "nope", key: ["id"] }] }],
  ["source_mask_refused", "a number to be masked", "select 1", { tables: [{ name: "a", key: ["name"], mask: ["id"] }] }],
  ["source_mask_refused", "a key to be masked", "select 1", { tables: [{ name: "a", key: ["name"], mask: ["name"] }] }],
])("%s: %s", async (code, _, sql, overrides) => {
  await source.query(sql);
  await expect(read(overrides)).rejects.toMatchObject({ code });
  expect((await source.query("select 1 from pg_replication_slots")).rows).toEqual([]);
});

test("source_replication_denied: a login without REPLICATION", async () => {
  await expect(read({ url: as("idle") })).rejects.toMatchObject({ code: "source_replication_denied" });
});

test("source_slot_invalid: a slot of another database", async () => {
  await source.query("create database other");
  const other = await connect(server.superuser_url("other"));
  await other.query("select pg_create_logical_replication_slot('slot_of_test', 'pgoutput')");
  await expect(read()).rejects.toMatchObject({ code: "source_slot_invalid" });
  await other.query("select pg_drop_replication_slot('slot_of_test')");
  await other.end();
});

test("source_slots_exhausted: every slot of the source is taken; one that is dropped is enough", async () => {
  await source.query("select pg_create_physical_replication_slot('taken_' || n) from generate_series(1, current_setting('max_replication_slots')::int) as n");
  await expect(read()).rejects.toMatchObject({ code: "source_slots_exhausted", retryable: true });
  await source.query("select pg_drop_replication_slot('taken_1')");
  expect((await read()).rows).toEqual([2]);
});

test("source_slot_busy: another session reads the slot; when it has gone the changes are all there", async () => {
  await read();
  await source.query("update a set name = 'uno' where id = 1");
  const other = new pg.Client({ connectionString: server.superuser_url("postgres"), replication: "database" } as pg.ClientConfig);
  other.on("error", () => undefined);
  await other.connect();
  const reading = other.query("START_REPLICATION SLOT slot_of_test LOGICAL 0/0 (proto_version '1', publication_names 'log')").catch((error: unknown) => error);
  const active = async (wanted: boolean): Promise<void> => expect((await source.query("select active from pg_replication_slots")).rows).toEqual([{ active: wanted }]);
  await vi.waitFor(() => active(true), 30_000);
  await expect(read()).rejects.toMatchObject({ code: "source_slot_busy", retryable: true });
  await source.query("select pg_terminate_backend(active_pid) from pg_replication_slots");
  await reading;
  await vi.waitFor(() => active(false), 30_000);
  expect((await read()).rows).toEqual([1]);
});

test("source_standby: a server that follows another", async () => {
  const standby = await startTestServer({}, true);
  try {
    await expect(read({ url: standby.superuser_url("postgres") })).rejects.toMatchObject({ code: "source_standby" });
  } finally {
    await standby.stop();
  }
});

test("source_slot_lost: the source kept too little log; a resync reads every row and goes on", async () => {
  await read();
  for (let segment = 0; segment < 3; segment += 1) await source.query("update a set name = name || '.'; select pg_switch_wal()");
  await source.query("checkpoint");
  await expect(read()).rejects.toMatchObject({ code: "source_slot_lost", remedy: expect.stringContaining("cdc.resync: true") as string });
  expect(await read({ resync: true })).toMatchObject({ rows: [2], slot: null });
  await source.query("delete from a where id = 1");
  expect(await read()).toMatchObject({ rows: [1] });
});

test("a table whose landed version is older than the slot is read whole", async () => {
  await read();
  const [[app_id, first]] = Object.entries(marks) as [[string, number]];
  await source.query("update a set name = 'uno' where id = 1");
  await read();
  await read();
  marks[app_id] = first;
  expect(await read()).toMatchObject({ rows: [2], whole: { a: "its registered version is older than the slot" } });
});

test("source_wal_level: a server that writes no logical log", async () => {
  const other = await startTestServer({ wal_level: "replica" });
  try {
    await expect(read({ url: other.superuser_url("postgres") })).rejects.toMatchObject({ code: "source_wal_level" });
  } finally {
    await other.stop();
  }
});

test("a masked value is in no file, read whole or by the log", async () => {
  const tables = [{ name: "a", key: ["id"], mask: ["phone"] }];
  const file = async (name: string): Promise<string> => readFile(join(scratch, name), "utf8");
  await read({ tables });
  expect(await file("a.csv")).toBe('1,"one","***"\n2,"two",\\N\n');
  await source.query("update a set phone = '+32 2' where id = 2; update a set phone = null where id = 1");
  await read({ tables });
  expect(await file("a.changes.csv")).toBe('0,false,"",2,"two","***"\n1,false,"",1,"one",\\N\n');
});
