import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PASSWORD, startTestServer, type TestServer } from '../../supabase/tests/support/test-server.ts';
import { withClient } from './bootstrap.ts';
import { migrate } from './migrate.ts';
import { databaseUrl } from './postgres-server.ts';

let server: TestServer;
let folder: string;
let url: string;
let made = 0;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

beforeEach(async (context) => {
  folder = mkdtempSync(path.join(tmpdir(), 'migrate-test-'));
  context.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  made += 1;
  const name = `migrate_${made}`;
  await withClient(databaseUrl(server.port, 'postgres', PASSWORD), (client) => client.query(`create database ${name}`));
  url = databaseUrl(server.port, 'postgres', PASSWORD, name);
});

const file = (name: string, sql: string) => writeFileSync(path.join(folder, name), sql);
const rows = async (sql: string) => (await withClient(url, (client) => client.query(sql))).rows as unknown[];

test('migrations are applied in order, once, and recorded as the Supabase CLI does', async () => {
  file('20260101000000_make_a_table.sql', 'create table public.t (id int); create index on public.t (id);');
  file('20260102000000_fill_it.sql', 'insert into public.t values (1);');
  file('README.md', 'not a migration');
  expect((await migrate(url, folder, true)).map((one) => one.name)).toEqual(['make_a_table', 'fill_it']);
  expect(await migrate(url, folder, true)).toEqual([]);
  expect(await rows('select id from public.t')).toEqual([{ id: 1 }]);
  expect(await rows('select version, name, cardinality(statements) as n from supabase_migrations.schema_migrations order by version')).toEqual([
    { version: '20260101000000', name: 'make_a_table', n: 1 },
    { version: '20260102000000', name: 'fill_it', n: 1 },
  ]);
});

test('a migration that fails leaves nothing of itself, keeps those before it, and names file, line and SQLSTATE', async () => {
  file('1_good.sql', 'create table public.good ();');
  file('2_bad.sql', 'create table public.half ();\n\nselect nonsense from public.good;\n');
  file('3_never.sql', 'create table public.never ();');
  await expect(migrate(url, folder, true)).rejects.toMatchObject({ code: 'migration_failed', message: expect.stringMatching(/2_bad\.sql, line 3: .*42703/) });
  expect(await rows(`select to_regclass('public.good') is not null as good, to_regclass('public.half') as half, to_regclass('public.never') as never`)).toEqual([
    { good: true, half: null, never: null },
  ]);
  expect(await rows('select version from supabase_migrations.schema_migrations')).toEqual([{ version: '1' }]);
});

test('what a migration sets for its session does not reach the next one', async () => {
  file('1_set.sql', `set search_path = ''; set timezone = 'Asia/Tokyo';`);
  file('2_see.sql', `create table public.seen as select current_setting('search_path') as path, current_setting('timezone') as zone;`);
  await migrate(url, folder, true);
  expect(await rows('select * from public.seen')).toEqual([{ path: '"$user", public', zone: 'UTC' }]);
});

test('two that migrate at the same time apply each migration once', async () => {
  file('1_once.sql', 'create table public.once (at timestamptz default now()); select pg_sleep(0.2);');
  const applied = await Promise.all([migrate(url, folder, true), migrate(url, folder, true)]);
  expect(applied.flat().map((one) => one.name)).toEqual(['once']);
});

test('an unknown version is refused where the history is our own, and left alone where others migrate too', async () => {
  file('1_one.sql', 'select 1;');
  await migrate(url, folder, true);
  await rows(`insert into supabase_migrations.schema_migrations (version, name) values ('9', 'theirs')`);
  await expect(migrate(url, folder, true)).rejects.toMatchObject({ code: 'schema_newer' });
  expect(await migrate(url, folder, false)).toEqual([]);
});
