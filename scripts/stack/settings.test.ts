import { expect, test } from 'vitest';
import { findPostgrest } from './postgrest.ts';
import { appUrl, readSettings } from './settings.ts';
import { inherited, localUrl, outboundAllow } from './web-app.ts';

const read = (environment: Record<string, string>) => readSettings(environment, [], '/checkout');

test('without variables everything is local, in the checkout, on the next free port', () => {
  expect(read({})).toMatchObject({ data_dir: '/checkout/.data', host: '127.0.0.1', port: null, hosted: null, odoo_url: null, demo_size: 'S' });
});

test('an empty variable counts as unset', () => {
  expect(read({ PORT: '', HOST: ' ', SUPABASE_URL: '', CONTROL_ROOM_DATA_DIR: '' })).toEqual(read({}));
});

test('a relative data folder lies in the checkout, wherever the command was given', () => {
  expect(read({ CONTROL_ROOM_DATA_DIR: 'elsewhere' }).data_dir).toBe('/checkout/elsewhere');
});

test.each(['0', '65536', '3000.5', 'http'])('PORT=%s is refused', (PORT) => {
  expect(() => read({ PORT })).toThrow(expect.objectContaining({ code: 'port_invalid' }));
});

test('a Supabase is taken by its present and by its older names', () => {
  const hosted = { supabase_url: 'https://x.supabase.co', publishable_key: 'key', secret_key: null, database_url: null };
  expect(read({ SUPABASE_URL: 'https://x.supabase.co/', SUPABASE_PUBLISHABLE_KEY: 'key' }).hosted).toEqual(hosted);
  expect(read({ NEXT_PUBLIC_SUPABASE_URL: 'https://x.supabase.co', SUPABASE_ANON_KEY: 'key' }).hosted).toEqual(hosted);
});

test.each<Record<string, string>>([{ SUPABASE_URL: 'https://x.supabase.co' }, { SUPABASE_PUBLISHABLE_KEY: 'key' }])('half of the Supabase settings is refused: %o', (half) => {
  expect(() => read(half)).toThrow(expect.objectContaining({ code: 'supabase_settings_incomplete' }));
});

test('a size that the demo source does not have is refused', () => {
  expect(() => read({ CONTROL_ROOM_DEMO_SIZE: 'XL' })).toThrow(expect.objectContaining({ code: 'demo_size_invalid' }));
});

test('the address for people follows HOST and APP_URL; this machine never needs the name in APP_URL', () => {
  expect(appUrl(read({}), 3000)).toBe('http://127.0.0.1:3000');
  expect(appUrl(read({ HOST: '0.0.0.0' }), 3001)).toBe('http://127.0.0.1:3001');
  expect(appUrl(read({ HOST: '::1' }), 3000)).toBe('http://[::1]:3000');
  expect(appUrl(read({ APP_URL: 'https://room.example.com/' }), 3000)).toBe('https://room.example.com');
  expect(localUrl('0.0.0.0', 3000)).toBe('http://127.0.0.1:3000');
});

test('calls to private networks are allowed only where nobody else reaches the app, directly or by a proxy', () => {
  const everywhere = { CONTROL_ROOM_OUTBOUND_ALLOW: '0.0.0.0/0,::/0' };
  const alone: Record<string, string>[] = [{}, { HOST: '::1' }, { APP_URL: 'http://localhost:3000' }, { APP_URL: 'http://[::1]:3000' }];
  const shared: Record<string, string>[] = [{ HOST: '0.0.0.0' }, { APP_URL: 'https://room.example.com' }, { APP_URL: 'room.example.com' }, { APP_URL: 'https://127.example.com' }];
  for (const each of alone) expect(outboundAllow(read(each))).toEqual(everywhere);
  for (const each of shared) expect(outboundAllow(read(each))).toEqual({});
});

test('a PostgREST that is named but absent, or absent everywhere, is one clear error', () => {
  expect(() => findPostgrest('/nowhere', { POSTGREST_BIN: '/nowhere/postgrest' })).toThrow(expect.objectContaining({ code: 'postgrest_missing' }));
  expect(() => findPostgrest('/nowhere', { PATH: '/nowhere' })).toThrow(/none is on PATH/);
});

test('a part sees the settings of the one who starts, but no secret of another part', () => {
  const environment = {
    LOG_LEVEL: 'debug', EXECUTOR_SLOTS: '2', npm_config_registry: 'x', PORT: '1', SUPABASE_SECRET_KEY: 's', SUPABASE_DB_URL: 's',
    CRON_SECRET: 's', CONTROL_ROOM_CONNECTION_ERP: 's', CONTROL_ROOM_TOKEN: 's',
  };
  expect(Object.keys(inherited('web', environment))).toEqual(['LOG_LEVEL', 'EXECUTOR_SLOTS', 'CRON_SECRET']);
  expect(Object.keys(inherited('worker', environment))).toEqual(['LOG_LEVEL', 'EXECUTOR_SLOTS', 'CONTROL_ROOM_CONNECTION_ERP', 'CONTROL_ROOM_TOKEN']);
});
