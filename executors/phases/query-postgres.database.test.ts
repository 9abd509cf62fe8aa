import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { pipelineSpec, type PipelineSpec } from "../../contracts/pipeline.ts";
import { runDuckdb } from "../engines/duckdb.ts";
import type { QueryResult } from "../engines/duckdb-job.ts";
import { literal } from "../engines/duckdb-sql.ts";
import { objectPath } from "../storage/object-store.ts";
import { type Environment, newEnvironment, runSpec, type RunRecord } from "./testing/run-spec.ts";

const database = `warehouse_${randomBytes(6).toString("hex")}`;
const urlOf = (name: string, login = "supabase_admin") => `postgresql://${login}:only-for-tests@127.0.0.1:${(inject as (key: string) => number)("database_port")}/${name}`;
/** What connections are given: no superuser, a member of nothing. */
const reader = `reader_${randomBytes(5).toString("hex")}`;
let warehouse: pg.Client;
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
  warehouse = new pg.Client({ connectionString: urlOf(database) });
  await warehouse.connect();
  await warehouse.query(`
    create table numbers as select i, 'Pärtner ' || i as name, (i * 1.10)::numeric(12,2) as credit from generate_series(1, 25000) i;
    create function hidden_write() returns int language plpgsql as $$ begin perform set_config('transaction_read_only', 'off', true); insert into numbers values (0, 'sneaky', 0); return 1; end $$`);
  folder = await mkdtemp(join(tmpdir(), "query-"));
  await warehouse.query(`create role ${reader} login password 'only-for-tests' noinherit; grant select, insert, delete, update on numbers to ${reader}`);
  environment = newEnvironment(pathToFileURL(`${folder}/`), { warehouse: urlOf(database, reader) });
});
afterAll(async () => {
  await warehouse.end();
  await maintain(`drop database ${database} with (force)`);
  await maintain(`drop role ${reader}`);
  await rm(folder, { recursive: true, force: true });
});

function ask(sql: string, more: Record<string, unknown> = {}, phase: Record<string, unknown> = {}): PipelineSpec {
  return pipelineSpec.parse({ version: 1, name: "ask", phases: [{ name: "answer", type: "query", ...phase, config: { engine: "postgres", connection: "warehouse", sql, ...more } }], parameters: { type: "object", properties: { at_least: { type: "integer" } } } });
}
async function manifestOf(record: RunRecord): Promise<{ row_count: number; columns: { name: string; type: string }[]; sample: unknown[][] }> {
  return JSON.parse(await record.artifacts.get("answer.result.json")!.text()) as never;
}
/** What DuckDB reads in the result's Parquet file. */
async function rowsOf(record: RunRecord, sql = "select * from result"): Promise<QueryResult> {
  const { sha256 } = record.artifacts.get("answer.parquet")!.artifact;
  const file = join(folder, "lake", "objects", objectPath(sha256));
  const { results } = await runDuckdb({ views: [], read_files: [file], steps: [{ kind: "query", name: "check", sql: sql.replace("result", `read_parquet(${literal(file)})`), max_rows: 1000 }] },
    { signal: new AbortController().signal, memory_mb: 512, threads: 2, scratch: environment.scratch, directories: [], timeout_ms: 60_000 });
  return results[0] as QueryResult;
}

const everyType = `select 1::int2 as small, 2147483647 as whole, 9223372036854775807 as big, true as yes, 0.1::float8 as approx, 12.50::numeric(10,2) as money,
  (-123456789012345678901.5)::numeric(38,1) as huge, 1.23456789::numeric as exact, date '1969-12-31' as day, timestamptz '2024-02-29 12:34:56.123456+02' as moment,
  timestamp '1960-01-01 00:00:00.5' as local, 'Ünïcode "x"' as word, null::text as nothing, '{"a":1}'::jsonb as doc, '\\xdead'::bytea as raw`;

test("every type arrives exactly, as it would in a table that lands", async () => {
  const record = await runSpec(environment, ask(everyType));
  const { columns, sample, row_count } = await manifestOf(record);
  expect(row_count).toBe(1);
  expect(columns.map(({ type }) => type)).toEqual(["integer", "integer", "long", "boolean", "double", "decimal(10,2)", "decimal(38,1)", "string", "date", "timestamp", "timestamp", "string", "string", "string", "string"]);
  const expected = [1, 2147483647, "9223372036854775807", true, 0.1, "12.50", "-123456789012345678901.5", "1.23456789", "1969-12-31", "2024-02-29 10:34:56.123456+00", "1960-01-01 00:00:00.5+00", "Ünïcode \"x\"", null, '{"a": 1}', "\\xdead"];
  expect(sample).toEqual([expected]);
  const { rows } = await rowsOf(record);
  expect(Object.values(rows[0]!)).toEqual(expected);
});

test("the manifest of a question is the same whichever engine answers it", async () => {
  const sql = "select 1 as a, 'x' as b, 2.50::decimal(10,2) as c, true as d, date '2024-01-31' as e";
  const postgres = await manifestOf(await runSpec(environment, ask(sql)));
  const duckdb = await manifestOf(await runSpec(environment, pipelineSpec.parse({ version: 1, name: "ask", phases: [{ name: "answer", type: "query", config: { sql } }] })));
  const { rows_sha256: _ours, ...mine } = postgres as never as Record<string, unknown>;
  const { rows_sha256: _theirs, ...others } = duckdb as never as Record<string, unknown>;
  expect(mine).toEqual(others);
});

test("equal rows give equal hashes; every row of many batches is there, in the query's order", async () => {
  const spec = ask("select * from numbers where i >= current_setting('parameters.at_least')::int order by i", { sample_rows: 3 });
  const first = await runSpec(environment, spec, { parameters: { at_least: 1 } });
  const again = await runSpec(environment, spec, { repeats: first });
  expect(again.hashes).toEqual(first.hashes);
  expect((await manifestOf(first)).sample.map((row) => row[0])).toEqual([1, 2, 3]);
  const { rows } = await rowsOf(first, "select count(*)::int as n, sum(credit)::varchar as total, bool_and(i = expected)::boolean as ordered from (select *, row_number() over () as expected from result)");
  expect(rows).toEqual([{ n: 25000, total: "343763750.00", ordered: true }]);
  expect((await runSpec(environment, spec, { parameters: { at_least: 2 } })).hashes).not.toEqual(first.hashes);
});

test("an empty answer is a table without rows", async () => {
  const record = await runSpec(environment, ask("select i, name from numbers where false;  -- none"));
  expect(await manifestOf(record)).toMatchObject({ row_count: 0, sample: [], columns: [{ name: "i", type: "integer" }, { name: "name", type: "string" }] });
  expect((await rowsOf(record)).rows).toEqual([]);
});

test("a query cannot write, and nothing after it can", async () => {
  for (const sql of ["select hidden_write()", "select 1; commit; delete from numbers", "delete from numbers returning 1", "with gone as (delete from numbers returning 1) select * from gone", "select nextval('pg_catalog.missing')", "select nothing from nowhere",
    "copy (select 1) to program 'id'", "copy numbers from program 'id'", "copy numbers to '/tmp/x'", "set role pg_monitor", "set session authorization default", "reset role", "do $$ begin end $$", "commit", "vacuum numbers", "lock table numbers",
    "notify x", "explain analyze delete from numbers", "prepare p as select 1", "create table y as select 1", "select 1 into y", "alter role current_user superuser", "with off as (select set_config('transaction_read_only', 'off', true)) insert into numbers select 1, 'x', 0 from off"]) {
    await expect(runSpec(environment, ask(sql)), sql).rejects.toMatchObject({ code: "sql_error", retryable: false });
  }
  expect((await warehouse.query("select count(*)::int as n from numbers")).rows).toEqual([{ n: 25000 }]);
});

test("a login that is a superuser, that row level security does not hold, or that may become a role of an API is refused before it is asked anything", async () => {
  const strong: Record<string, string[]> = {
    superuser: ["alter role :login superuser"], bypassrls: ["alter role :login bypassrls"], "member of a role of the API": ["grant authenticated to :login"], "member of PostgREST's login": ["grant authenticator to :login"],
    "member of a member": ["create role between_:login nologin", "grant service_role to between_:login", "grant between_:login to :login"], "member of a superuser": ["grant supabase_admin to :login"], "programs of the server": ["grant pg_execute_server_program to :login"],
    "files of the server": ["grant pg_read_server_files to :login"], "writes files of the server": ["grant pg_write_server_files to :login"], createrole: ["alter role :login createrole"], replication: ["alter role :login replication"],
  };
  for (const [why, grants] of Object.entries(strong)) {
    const login = `strong_${randomBytes(5).toString("hex")}`;
    await warehouse.query(`create role ${login} login noinherit password 'only-for-tests'`);
    try {
      for (const grant of grants) await warehouse.query(grant.replaceAll(":login", login));
      const its = newEnvironment(pathToFileURL(`${folder}/`), { warehouse: urlOf(database, login) });
      const refused = await runSpec(its, ask("select hidden_write()")).catch((error: unknown) => error as Error);
      expect(refused, why).toMatchObject({ code: "source_login_too_strong", retryable: false });
      expect(String(refused), why).toMatch(/member of nothing/);
    } finally {
      await warehouse.query(`drop role if exists between_${login}`);
      await warehouse.query(`drop role ${login}`);
    }
  }
});

test("an error shows neither a row's values nor the password", async () => {
  const failure = await runSpec(environment, ask("select ('secret ' || name)::int from numbers")).catch((error: unknown) => error as Error);
  expect(failure).toMatchObject({ code: "sql_error" });
  expect(String(failure)).not.toMatch(/secret|only-for-tests/);
});

async function backends(): Promise<{ state: string; query: string }[]> {
  return (await warehouse.query("select state, query from pg_stat_activity where datname = current_database() and application_name = 'lakehouse-control-room'")).rows;
}

test("an abort reaches the server: the statement is gone from pg_stat_activity", async () => {
  const controller = new AbortController();
  const running = runSpec(environment, ask("select pg_sleep(600)"), { signal: controller.signal });
  running.catch(() => undefined);
  await vi.waitUntil(async () => (await backends()).some(({ state, query }) => state === "active" && query.startsWith("fetch")), { timeout: 10_000 });
  controller.abort(new Error("canceled by a person"));
  await expect(running).rejects.toThrow("canceled by a person");
  await vi.waitUntil(async () => (await backends()).length === 0, { timeout: 5_000 });
});

test("a query past the phase's time is stopped by the server itself", async () => {
  await expect(runSpec(environment, ask("select pg_sleep(600)", {}, { timeout_seconds: 1 }))).rejects.toMatchObject({ code: "timeout", retryable: true });
  await vi.waitUntil(async () => (await backends()).length === 0, { timeout: 5_000 });
});

test("a spec names a connection with engine postgres, and only then", () => {
  const query = (config: Record<string, unknown>) => pipelineSpec.safeParse({ version: 1, name: "ask", phases: [{ name: "answer", type: "query", config: { sql: "select 1", ...config } }] }).success;
  expect([query({}), query({ engine: "postgres", connection: "a" }), query({ engine: "postgres" }), query({ connection: "a" }), query({ engine: "postgres", connection: "a", inputs: ["gold.x"] })]).toEqual([true, true, false, false, false]);
});
