import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, PASSWORD, TEMPLATE, type TestServer } from '../../supabase/tests/support/test-server.ts';
import type { Context } from './context.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { useHostedBackend } from './hosted-backend.ts';
import { anyFreePort } from './ports.ts';
import { databaseUrl } from './postgres-server.ts';
import { newSigningKey } from './secrets.ts';
import { readSettings } from './settings.ts';
import { REPOSITORY } from './testing.ts';

const KEY = 'sb_publishable_for_tests';

let server: TestServer;
let gateway: Gateway;

beforeAll(async () => {
  server = await startTestServer();
  gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    database_url: databaseUrl(server.port, 'supabase_auth_admin', PASSWORD, TEMPLATE),
    postgrest_url: 'http://127.0.0.1:1', // not asked here
    jwk: newSigningKey(),
    publishable_key: KEY,
    secret_key: 'sb_secret_for_tests',
    site_url: 'http://127.0.0.1:3000',
    log: () => {}, send: () => undefined,
  });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

function use(environment: Record<string, string>) {
  const settings = readSettings(environment, [], REPOSITORY);
  if (settings.hosted === null) throw new Error('not hosted');
  const context = { settings, terminal: { say: () => {}, step: (_: string, work: () => Promise<unknown>) => work() } } as unknown as Context;
  return useHostedBackend(context, settings.hosted);
}

test('a Supabase elsewhere is used as it is named, and the web app is not given its database login', async () => {
  const database_url = databaseUrl(server.port, 'postgres', PASSWORD, TEMPLATE);
  const backend = await use({ SUPABASE_URL: gateway.url, SUPABASE_PUBLISHABLE_KEY: KEY, SUPABASE_DB_URL: database_url });
  expect(backend).toMatchObject({ supabase_url: gateway.url, publishable_key: KEY, database_url, secret_key: null, listen_url: null });
});

test('one that does not answer is a clear error', async () => {
  const url = `http://127.0.0.1:${await anyFreePort()}`;
  await expect(use({ SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: KEY })).rejects.toMatchObject({ code: 'supabase_unreachable', message: expect.stringContaining(url) });
});

test('a key that it refuses is a clear error', async () => {
  await expect(use({ SUPABASE_URL: gateway.url, SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_another' })).rejects.toMatchObject({ code: 'supabase_key_refused' });
});
