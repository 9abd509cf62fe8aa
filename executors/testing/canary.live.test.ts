import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { startTestServer, PASSWORD, type TestServer } from "../../supabase/tests/support/test-server.ts";
import { databaseUrl } from "../../scripts/stack/postgres-server.ts";
import { request } from "../cli/connection.ts";
import { createKey } from "../cli/key-commands.ts";
import { readKeyFile } from "../cli/key-file.ts";
import { terminalOutput } from "../cli/output.ts";
import { redactor } from "../core/redactor.ts";
import { anExecutor, aQueue, aTenant, ended, openLive, raw, until, type Live, type Tenant, type TestExecutor } from "./live.ts";
import { aUser, signIn } from "./session.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

// A source that leaks: its login's password is in its rows and in its errors. It is a server of its own, so that nothing of the product's data folder is
// left out of the search: tables, write-ahead log, lake, artifacts, logs.
let live: Live;
let tenant: Tenant;
let executor: TestExecutor;
let source: TestServer;
let worker: WorkerProcess | undefined;
let folder: string;
const password = `canary-1 ${randomBytes(9).toString("base64url")}/+&"'ü`;
const ownPassword = `canary-2-${randomBytes(9).toString("base64url")}`;
const queue = aQueue();

beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
  executor = await anExecutor(live, tenant);
  folder = mkdtempSync(join(tmpdir(), "control-room-canary-"));
  source = await startTestServer();
  const owner = new pg.Client({ connectionString: databaseUrl(source.port, "postgres", PASSWORD, "postgres") });
  await owner.connect();
  await owner.query(`create role leaky login password ${pg.escapeLiteral(password)}`);
  await owner.query(`create table public.leak as select ${pg.escapeLiteral(password)}::text as value`);
  await owner.query("grant connect on database postgres to leaky");
  await owner.query("grant usage on schema public to leaky");
  await owner.query("grant select on public.leak to leaky");
  await owner.query("create function public.tell() returns int language plpgsql stable as $$ begin raise exception 'the password is %', (select value from public.leak); end $$");
  await owner.end();
}, 120_000);
afterAll(async () => {
  await worker?.kill();
  await source?.stop();
  await live?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function run(name: string, connection: string, sql: string) {
  const spec = { version: 1, name, phases: [{ name: "ask", type: "query", config: { engine: "postgres", connection, sql } }] };
  const { run_id } = await request(tenant.api, "create_run", { body: { spec, queue, max_attempts: 1 } });
  return ended(tenant.api, run_id);
}

test("secrets that are planted everywhere, and printed by whoever can, are in no table, no file, no bundle and no log", async () => {
  const keys_file = join(folder, "keys.json");
  await createKey(tenant.api, { ...terminalOutput(true), value: () => undefined, line: () => undefined }, { file: keys_file, environment: "dev", project: tenant.project });
  expect(statSync(keys_file).mode & 0o777).toBe(0o600);
  const [key] = await readKeyFile(keys_file);
  await request(tenant.api, "put_secret", { params: { name: "leaky_password" }, body: { value: password } });
  const definition = { kind: "postgres", settings: { host: "127.0.0.1", port: source.port, database: "postgres", user: "leaky", sslmode: "disable" }, secret_name: "leaky_password" } as const;
  const { connection_id } = await request(tenant.api, "create_connection", { body: { name: "leaky", ...definition } });
  await raw(`${live.stack.api_url}/secrets/${encodeURIComponent("Wrong Name")}`, { method: "PUT", headers: { authorization: `Bearer ${tenant.api.token}`, "content-type": "application/json" }, body: JSON.stringify({ value: password }) });
  const user = await signIn(live, await aUser(live, `canary${randomBytes(5).toString("hex")}@example.test`));
  worker = startWorker(live, {
    token: executor.token, queue: `${queue},default`,
    env: { EXECUTOR_KEYS_FILE: keys_file, CONTROL_ROOM_CONNECTION_OWN: `postgres://leaky:${ownPassword}@127.0.0.1:${source.port}/postgres`, LOG_LEVEL: "debug" },
  });

  const test = await request(tenant.api, "test_connection", { params: { connection_id } });
  expect(await ended(tenant.api, test.run_id)).toMatchObject({ status: "succeeded" });
  expect((await request(tenant.api, "get_connection", { params: { connection_id } })).last_test).toMatchObject({ run_id: test.run_id, status: "succeeded" });
  expect(await run("leak_rows", "leaky", "select value, encode(convert_to(value, 'UTF8'), 'base64') as coded, json_build_object('v', value)::text as told from public.leak")).toMatchObject({ status: "succeeded" });
  const failed = await run("leak_error", "leaky", "select public.tell() as told");
  expect(failed).toMatchObject({ status: "failed", error_message: expect.stringContaining("the password is ***") });
  expect(await run("wrong_login", "own", "select 1 as one")).toMatchObject({ status: "failed", error_code: "source_auth_failed" });
  // A second key, to which everything is sealed again.
  await createKey(tenant.api, { ...terminalOutput(true), value: () => undefined, line: () => undefined }, { file: keys_file, environment: "dev", project: tenant.project });
  const reseal = await request(tenant.api, "reseal_secrets", { query: { project: tenant.project } });
  expect(await ended(tenant.api, reseal.run_id)).toMatchObject({ status: "succeeded" });
  const retired = await request(tenant.api, "retire_environment_key", { params: { kid: key?.kid ?? "" } });
  expect(retired.retired_at).not.toBeNull();
  expect(await run("after_rotation", "leaky", "select 1 as one")).toMatchObject({ status: "succeeded" });

  const [second] = (await readKeyFile(keys_file)).slice(-1);
  const planted = [password, ownPassword, key?.d ?? "", second?.d ?? "", executor.token, tenant.api.token, user.password, user.access_token];
  expect(planted.every((each) => each.length > 10)).toBe(true);
  const finder = redactor(planted);
  const leaks = (text: string) => finder.known(text) !== text;
  expect(leaks(`x${encodeURIComponent(password)}y`), "the search finds what it looks for").toBe(true);

  const tables = await live.sql<{ name: string }>("select format('%I.%I', n.nspname, c.relname) as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where n.nspname in ('ops', 'ops_private', 'auth', 'storage', 'public') and c.relkind in ('r', 'm')");
  expect(tables.length).toBeGreaterThan(40);
  for (const { name } of tables) {
    const rows = await live.sql<{ row: string }>(`select to_jsonb(t)::text as row from ${name} as t`).catch((error: unknown) => (/permission denied/.test(String(error)) ? [] : Promise.reject(error as Error)));
    expect(rows.filter(({ row }) => leaks(row)).length, name).toBe(0);
  }
  expect(leaks(worker.log()), "the worker's log").toBe(false);
  await until("the lines of the run's log", 20, async () => (await live.sql("select 1 from ops.run_events where run_id = $1 and type = 'SECRETS_READ'", [failed.run_id])).length > 0);
  await worker.kill();
  worker = undefined;
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const places = [live.stack.data_dir, join(root, "dist"), join(root, ".next", "static"), join(root, ".next", "server")];
  const bytes = planted.map((each) => Buffer.from(each)).concat([password, ownPassword].flatMap((each) => [Buffer.from(Buffer.from(each).toString("base64").slice(0, -4)), Buffer.from(encodeURIComponent(each)), Buffer.from(JSON.stringify(each).slice(1, -1))]));
  const found: string[] = [];
  let files = 0;
  for (const place of places) {
    for (const file of filesBelow(place)) {
      files += 1;
      const content = readFileSync(file);
      if (bytes.some((each) => content.includes(each))) found.push(file);
    }
  }
  expect(files).toBeGreaterThan(200);
  expect(found).toEqual([]);
}, 180_000);

test("what the product itself holds is in none of its logs and bundles", async () => {
  const held = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(join(live.stack.data_dir, "secrets.json"), "utf8")));
  const { passwords, secret_key, cron_secret, storage_receipt_key, signing_key, demo_source_password, api_token, executor_token } = held as Record<string, string> & { passwords: unknown };
  const keys = await readKeyFile(join(live.stack.data_dir, "executor-keys.json"));
  const planted = [...Object.values(passwords as Record<string, string>), secret_key, cron_secret, storage_receipt_key, signing_key, demo_source_password, api_token, executor_token, (held["admin"] as { password: string }).password, (held["jwk"] as { d: string }).d, ...keys.map((key) => key.d)];
  expect(planted.every((each) => typeof each === "string" && each.length > 10)).toBe(true);
  const finder = redactor(planted as string[]);
  const root = fileURLToPath(new URL("../../", import.meta.url));
  for (const place of [join(live.stack.data_dir, "logs"), join(root, "dist"), join(root, ".next", "static")]) {
    for (const file of filesBelow(place)) {
      const text = readFileSync(file, "utf8");
      expect(finder.known(text) === text, file).toBe(true);
    }
  }
});

/** Files that vanish meanwhile are those of a database at work. */
function* filesBelow(place: string): Generator<string> {
  if (!existsSync(place)) return;
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && existsSync(file)) yield file;
  }
}
