import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PUBLISHABLE, REPOSITORY, SECRET, startTestStack, type Stack } from './testing.ts';

/** Answers of the real GoTrue, one a line: name, status, body (or its shape), headers. */
const FILE = path.join(REPOSITORY, '../shared/data/gotrue-shapes.txt');
const present = existsSync(FILE);
const title = present ? 'answers equal the recorded ones of GoTrue' : 'answers equal the recorded ones of GoTrue (skipped: ../shared/data is absent)';

type Recorded = { status: number; body: unknown; headers: Record<string, string> };
type Json = Record<string, unknown>;

function parse(text: string): { answers: Map<string, Recorded>; claims: [unknown, Json, string] } {
  const answers = new Map<string, Recorded>();
  let claims: [unknown, Json, string] | undefined;
  for (const line of text.split('\n')) {
    const plain = /^claims (\{.*?\}) (\{.*\}) refresh (\S+)$/.exec(line);
    if (plain) claims = [JSON.parse(plain[1]!), JSON.parse(plain[2]!) as Json, plain[3]!];
    const found = /^(.*?) (\d{3}) (?=[{"])(.*) (\{.*?\})$/.exec(line);
    if (plain || !found) continue;
    const [, name, status, body, headers] = found;
    answers.set(name!, { status: Number(status), body: JSON.parse(body!), headers: JSON.parse(headers!) as Record<string, string> });
  }
  if (!claims) throw new Error('no claims line in the recording');
  return { answers, claims };
}

const TYPE_WORDS = new Set(['string', 'number', 'boolean', 'null']);
const UUID = /^[0-9a-f-]{36}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
/** Differ from install to install. */
const OWN = new Set(['kid', 'x', 'y', 'iss', 'exp', 'iat', 'timestamp', 'n']);

/** What of a value must be equal: members, types, formats, and texts that are the same in each install. */
function essence(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [essence(value[0], key)];
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, essence(inner, name)]));
  if (typeof value === 'string' && TYPE_WORDS.has(value)) return value;
  if (OWN.has(key)) return typeof value;
  if (typeof value !== 'string') return value;
  if (UUID.test(value)) return 'a uuid';
  if (TIME.test(value)) return 'a time';
  if (value.endsWith('@x.io')) return 'an e-mail';
  return value.replace(/\d+ seconds/, 'n seconds');
}

/** The recording gives only types for some bodies: compare at the coarser of the two grains. */
function likewise(recorded: unknown, answered: unknown): [unknown, unknown] {
  const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isObject(recorded) && isObject(answered)) {
    const names = new Set([...Object.keys(recorded), ...Object.keys(answered)]);
    const pairs = [...names].map((name) => [name, name in recorded && name in answered ? likewise(recorded[name], answered[name]) : [recorded[name], answered[name]]] as const);
    const side = (at: 0 | 1): Json => Object.fromEntries(pairs.filter(([name]) => name in (at === 0 ? recorded : answered)).map(([name, pair]) => [name, pair[at]]));
    return [side(0), side(1)];
  }
  if (Array.isArray(recorded) && Array.isArray(answered) && recorded.length > 0 && answered.length > 0) {
    const [left, right] = likewise(recorded[0], answered[0]);
    return [[left], [right]];
  }
  const type = answered === null ? 'null' : typeof answered;
  if (recorded === type && TYPE_WORDS.has(type)) return [recorded, type];
  return [recorded, answered];
}

describe.skipIf(!present)(title, () => {
  let stack: Stack;
  const answered = new Map<string, { status: number; body: unknown; headers: Headers }>();
  let claims: [unknown, Json, string];

  beforeAll(async () => {
    stack = await startTestStack();
    const base = `${stack.gateway.url}/auth/v1`;

    async function call(name: string, method: string, at: string, options: { body?: unknown; token?: string; key?: string; version?: boolean } = {}): Promise<Json> {
      const response = await fetch(base + at, {
        method,
        headers: {
          apikey: options.key ?? PUBLISHABLE,
          ...(options.version === false ? {} : { 'x-supabase-api-version': '2024-01-01' }),
          ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: options.body === undefined ? undefined : JSON.stringify(options.body),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.startsWith('application/json');
      const body = json ? (JSON.parse(text) as Json) : text;
      answered.set(name, { status: response.status, body, headers: response.headers });
      return typeof body === 'string' ? {} : body;
    }
    const post = (name: string, at: string, body: unknown, options: { token?: string; key?: string; version?: boolean } = {}): Promise<Json> =>
      call(name, 'POST', at, { ...options, body });

    const email = 's1@x.io';
    const password = 'secret-1';
    await post('signup', '/signup', { email, password, data: { n: 1 } });
    await post('signup dup', '/signup', { email, password });
    await post('signup weak', '/signup', { email: 'weak1@x.io', password: '12345' });
    await post('signup bad email', '/signup', { email: 'no address', password });
    await post('signup no pw', '/signup', { email: 'nopw1@x.io' });
    const session = await post('password', '/token?grant_type=password', { email, password });
    const token = String(session.access_token);
    const [head, payload] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json);
    claims = [head, payload!, String(session.refresh_token)];
    await post('bad password', '/token?grant_type=password', { email, password: 'wrong-1' });
    await post('bad password, no version header', '/token?grant_type=password', { email, password: 'wrong-1' }, { version: false });
    await post('bad grant', '/token?grant_type=nothing', { email, password });
    const first = await post('refresh', '/token?grant_type=refresh_token', { refresh_token: session.refresh_token });
    const again = await post('refresh again (reuse)', '/token?grant_type=refresh_token', { refresh_token: session.refresh_token });
    expect(again.refresh_token, 'reuse gives the live child').toBe(first.refresh_token);
    await post('refresh unknown', '/token?grant_type=refresh_token', { refresh_token: 'aaaaaaaaaaaa' });
    await post('refresh empty', '/token?grant_type=refresh_token', { refresh_token: '' });
    await call('user', 'GET', '/user', { token });
    await call('user no token', 'GET', '/user');
    await call('user bad token', 'GET', '/user', { token: 'a.b.c' });
    await call('put user', 'PUT', '/user', { token, body: { data: { n: 2 } } });
    await call('put pw same', 'PUT', '/user', { token, body: { password } });
    await call('logout local', 'POST', '/logout?scope=local', { token });
    await call('user after logout', 'GET', '/user', { token });
    await post('refresh after logout', '/token?grant_type=refresh_token', { refresh_token: first.refresh_token });
    await call('settings', 'GET', '/settings');
    const key = SECRET;
    const admin = { email: 'ads1@x.io', password };
    const created = await post('admin create', '/admin/users', { ...admin, email_confirm: true, app_metadata: { org: 'a' } }, { key });
    const its = `/admin/users/${String(created.id)}`;
    await call('admin list', 'GET', '/admin/users?page=1&per_page=1', { key });
    await call('admin get', 'GET', its, { key });
    await call('admin put', 'PUT', its, { key, body: { ban_duration: '1h' } });
    await post('login banned', '/token?grant_type=password', admin);
    await call('admin delete', 'DELETE', its, { key, body: {} });
    await call('admin get 404', 'GET', its, { key });
    await call('admin as nobody', 'GET', '/admin/users');
    await post('recover', '/recover', { email });
    await post('otp', '/otp', { email });
    await post('invite', '/invite', { email: 'is1@x.io' }, { key });
    await post('generate_link', '/admin/generate_link', { type: 'invite', email: 'ls1@x.io' }, { key });
    await post('factors', '/factors', { factor_type: 'totp' }, { token });
    await call('jwks', 'GET', '/.well-known/jwks.json');
    await call('404', 'GET', '/nothing-here');
  }, 120_000);

  afterAll(async () => stack?.stop(), 30_000);

  const { answers, claims: recorded_claims } = present ? parse(readFileSync(FILE, 'utf8')) : { answers: new Map<string, Recorded>(), claims: [{}, {}, ''] as [unknown, Json, string] };

  test('every recorded answer is replayed, and nothing else', () => {
    expect([...answered.keys()].toSorted()).toEqual([...answers.keys()].toSorted());
    // One line is the title, one holds the claims.
    const lines = readFileSync(FILE, 'utf8').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('====='));
    expect(answers.size + 1).toBe(lines.length);
  });

  test.each([...answers.keys()])('%s', (name) => {
    const recorded = answers.get(name)!;
    const answer = answered.get(name)!;
    expect(answer.status).toBe(recorded.status);
    const [left, right] = likewise(essence(recorded.body), essence(answer.body));
    expect(right).toEqual(left);
    for (const header of [...Object.keys(recorded.headers), 'x-sb-error-code', 'x-supabase-api-version']) {
      expect(`${header}: ${answer.headers.get(header)}`).toBe(`${header}: ${recorded.headers[header] ?? null}`);
    }
  });

  test('the claims of an access token, and the form of a refresh token', () => {
    const [head, payload, refresh] = claims;
    const [recorded_head, recorded_payload, recorded_refresh] = recorded_claims;
    expect(essence(head)).toEqual(essence(recorded_head));
    expect(essence(payload)).toEqual(essence(recorded_payload));
    expect(Number(payload.exp) - Number(payload.iat)).toBe(Number(recorded_payload.exp) - Number(recorded_payload.iat));
    expect(refresh).toMatch(/^[a-z2-7]{12}$/);
    expect(recorded_refresh).toMatch(/^[a-z2-7]{12}$/);
  });
});
