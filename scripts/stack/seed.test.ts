import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, PASSWORD, TEMPLATE, type TestServer } from '../../supabase/tests/support/test-server.ts';
import { withClient } from './bootstrap.ts';
import type { Backend, Context } from './context.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { databaseUrl } from './postgres-server.ts';
import { openSecrets, type Secrets } from './secrets.ts';
import { seed } from './seed.ts';
import { readSettings } from './settings.ts';

let server: TestServer;
let gateway: Gateway;
let secrets: Secrets;
let folder: string;
let url: string;

beforeAll(async () => {
  server = await startTestServer();
  folder = mkdtempSync(path.join(tmpdir(), 'seed-test-'));
  ({ secrets } = openSecrets(folder, false));
  url = databaseUrl(server.port, 'postgres', PASSWORD, TEMPLATE);
  gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    database_url: databaseUrl(server.port, 'supabase_auth_admin', PASSWORD, TEMPLATE),
    postgrest_url: 'http://127.0.0.1:1', // not asked here
    jwk: secrets.jwk,
    publishable_key: secrets.publishable_key,
    secret_key: secrets.secret_key,
    site_url: 'http://127.0.0.1:3000',
    log: () => {}, send: () => undefined,
  });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function context(environment: Record<string, string> = {}): Context {
  return {
    settings: readSettings(environment, [], folder),
    secrets,
    terminal: { say: () => {}, step: (_, work) => work() },
    stopping: new AbortController().signal,
    lost: (error) => {
      throw error;
    },
  };
}

function backend(): Backend {
  return {
    supabase_url: gateway.url,
    publishable_key: secrets.publishable_key,
    secret_key: secrets.secret_key,
    database_url: url,
    postgrest_url: null,
    listen_url: null,
    stop: async () => {},
  };
}

async function counts(): Promise<Record<string, unknown>> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(`select
      (select count(*)::int from ops.organizations) as organizations, (select count(*)::int from ops.projects) as projects,
      (select count(*)::int from ops.environments) as environments, (select count(*)::int from ops.memberships) as memberships,
      (select count(*)::int from ops.api_tokens) as api_tokens, (select count(*)::int from ops.executors) as executors,
      (select count(*)::int from ops.executor_environments) as executor_environments,
      (select count(*)::int from ops.executor_tokens) as executor_tokens, (select count(*)::int from auth.users) as users,
      (select count(*)::int from ops_private.settings) as settings`);
    return rows[0] as Record<string, unknown>;
  });
}

test('a seed makes one of each, twice gives the same, and the admin can sign in with the password of the install', async () => {
  await seed(context(), backend(), url);
  const one = { organizations: 1, projects: 1, environments: 1, memberships: 1, api_tokens: 1, executors: 1, executor_environments: 1, executor_tokens: 1, users: 1 };
  const after_first = await counts();
  expect(after_first).toMatchObject(one);
  await seed(context(), backend(), url);
  expect(await counts()).toEqual(after_first);

  const answer = await fetch(`${gateway.url}/auth/v1/token?grant_type=password`, {
    method: 'POST',
    headers: { apikey: secrets.publishable_key, 'content-type': 'application/json' },
    body: JSON.stringify(secrets.admin),
    signal: AbortSignal.timeout(20_000),
  });
  expect(answer.status).toBe(200);
  const { rows } = await withClient(url, (client) => client.query('select u.email, m.role from ops.memberships m join auth.users u on u.id = m.user_id'));
  expect(rows).toEqual([{ email: secrets.admin.email, role: 'owner' }]);
});

test('tokens are stored only as their SHA-256', async () => {
  const { rows } = await withClient(url, (client) =>
    client.query<{ prefix: string; hash: string }>(
      `select prefix, encode(token_sha256, 'hex') as hash from ops.api_tokens union all select prefix, encode(token_sha256, 'hex') from ops.executor_tokens order by prefix`,
    ),
  );
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  expect(rows.map((row) => row.hash).sort()).toEqual([sha256(secrets.api_token), sha256(secrets.executor_token)].sort());
  for (const { prefix } of rows) expect(prefix).toMatch(/^lc[tx]_.{8}$/);
});

test('a second machine on a hosted database gets an executor of its own, and leaves the settings of the first', async () => {
  const other = openSecrets(mkdtempSync(path.join(folder, 'other-')), false).secrets;
  const hosted = { SUPABASE_URL: gateway.url, SUPABASE_PUBLISHABLE_KEY: secrets.publishable_key };
  const before = await withClient(url, async (client) => (await client.query('select key, value from ops_private.settings order by key')).rows as unknown[]);
  await seed({ ...context(hosted), secrets: other }, backend(), url);
  expect(await counts()).toMatchObject({ organizations: 1, projects: 1, users: 1, executors: 2, executor_environments: 2, executor_tokens: 2 });
  const after = await withClient(url, async (client) => (await client.query('select key, value from ops_private.settings order by key')).rows as unknown[]);
  expect(after).toEqual(before);
});
