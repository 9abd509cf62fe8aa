import { createServerClient } from '@supabase/ssr';
import type { SupabaseClient } from '@supabase/supabase-js';
import { SignJWT, importJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import ws from 'ws';
import { callerHeader, sayCaller } from '../../../contracts/caller-address.ts';
import { bearer, callsTo } from './testing-calls.ts';
import { PUBLISHABLE, SECRET, startTestStack, type Stack } from './testing.ts';

let stack: Stack;
const { asSuperuser, call, client, newEmail, post, refresh, signedUp } = callsTo(() => stack);

beforeAll(async () => {
  stack = await startTestStack();
}, 120_000);
afterAll(async () => stack?.stop(), 30_000);

describe('accounts', () => {
  test('supabase-js signs up, in, refreshes, changes the password and signs out', async () => {
    const email = newEmail();
    const auth = client().auth;
    const up = await auth.signUp({ email: email.toUpperCase(), password: 'first password', options: { data: { name: 'Ada' } } });
    expect(up.error).toBeNull();
    expect(up.data.user).toMatchObject({ email, user_metadata: { name: 'Ada', email_verified: true } });
    const signed_in = await auth.signInWithPassword({ email, password: 'first password' });
    expect(signed_in.data.session?.user.email).toBe(email);
    const claims = await auth.getClaims();
    expect(claims.data?.claims).toMatchObject({ email, role: 'authenticated', aal: 'aal1', iss: `${stack.gateway.url}/auth/v1` });
    const before = signed_in.data.session!.refresh_token;
    const refreshed = await auth.refreshSession();
    expect(refreshed.data.session?.refresh_token).not.toBe(before);
    expect((await auth.updateUser({ password: 'second password' })).error).toBeNull();
    const token = (await auth.getSession()).data.session!.access_token;
    expect((await auth.signOut()).error).toBeNull();
    expect((await auth.getUser(token)).error?.name).toBe('AuthSessionMissingError');
    expect((await auth.signInWithPassword({ email, password: 'first password' })).error?.code).toBe('invalid_credentials');
    expect((await auth.signInWithPassword({ email, password: 'second password' })).error).toBeNull();
  });

  test('passwords are kept as bcrypt hashes of cost 10', async () => {
    const { id } = await signedUp();
    const stored = await asSuperuser<{ encrypted_password: string }>('select encrypted_password from auth.users where id = $1', [id]);
    expect(stored[0]!.encrypted_password).toMatch(/^\$2[aby]\$10\$/);
  });

  test('the time of a refusal does not tell whether the e-mail is known', async () => {
    const { email } = await signedUp();
    const median = async (address: string): Promise<number> => {
      const times: number[] = [];
      for (let count = 0; count < 7; count += 1) {
        const started = performance.now();
        await post('/auth/v1/token?grant_type=password', { email: address, password: 'wrong password' });
        times.push(performance.now() - started);
      }
      return times.toSorted((a, b) => a - b)[3]!;
    };
    // Without equal work the unknown e-mail would be answered in a twentieth of the time.
    expect((await median(newEmail())) / (await median(email))).toBeGreaterThan(0.3);
  });

  test('@supabase/ssr keeps a session in cookies and verifies it by the published key', async () => {
    const { email, password, id } = await signedUp();
    const jar = new Map<string, string>();
    const server = (): SupabaseClient =>
      createServerClient(stack.gateway.url, PUBLISHABLE, {
        cookies: {
          getAll: () => [...jar].map(([name, value]) => ({ name, value })),
          setAll: (cookies) => cookies.forEach(({ name, value }) => (value ? jar.set(name, value) : jar.delete(name))),
        },
        realtime: { transport: ws as never },
      });
    expect((await server().auth.signInWithPassword({ email, password })).error).toBeNull();
    expect(jar.size).toBeGreaterThan(0);
    expect((await server().auth.getClaims()).data?.claims.sub).toBe(id);
    expect((await server().schema('ops').rpc('who', {}, { get: true })).data).toMatchObject({ role: 'authenticated', uid: id });
    expect((await server().auth.signOut()).error).toBeNull();
    expect(jar.size).toBe(0);
  });

  test('of ten sign-ups with one e-mail at once exactly one succeeds', async () => {
    const email = newEmail();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('/auth/v1/signup', { email, password: 'correct horse' })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === 'user_already_exists')).toHaveLength(9);
  });

  test('a closed instance takes no sign-ups, and says so in its settings', async () => {
    const gateway = await stack.another({ disable_signup: true });
    try {
      const auth = client(PUBLISHABLE, gateway.url).auth;
      expect((await auth.signUp({ email: newEmail(), password: 'correct horse' })).error?.code).toBe('signup_disabled');
      expect((await auth.signInWithOtp({ email: newEmail() })).error?.code).toBe('signup_disabled');
      expect((await call('GET', '/auth/v1/settings', { url: gateway.url })).body.disable_signup).toBe(true);
      const made = await client(SECRET, gateway.url).auth.admin.createUser({ email: newEmail(), password: 'correct horse', email_confirm: true });
      expect(made.error).toBeNull();
    } finally {
      await gateway.close();
    }
  });

  test('after thirty failures an e-mail must wait, others need not', async () => {
    const user = await signedUp();
    const other = await signedUp();
    // More than may fail, and than come back (one in ten seconds) while a busy machine answers.
    const tries = await Promise.all(
      Array.from({ length: 45 }, () => post('/auth/v1/token?grant_type=password', { email: user.email, password: 'wrong password' })),
    );
    const refused = tries.filter(({ body }) => body.code === 'over_request_rate_limit');
    expect(tries.filter(({ status }) => status === 400).length).toBeGreaterThanOrEqual(30);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ status, headers }) => status === 429 && Number(headers.get('retry-after')) > 0)).toBe(true);
    expect(tries.length).toBe(refused.length + tries.filter(({ status }) => status === 400).length);
    expect((await post('/auth/v1/token?grant_type=password', { email: other.email, password: other.password })).status).toBe(200);
  }, 60_000);

  test('who is asked for by the web app is counted by itself, and nobody else can say so', async () => {
    const caller_secret = 'only-for-tests-caller';
    const gateway = await stack.another({ caller_secret });
    try {
      const user = await signedUp();
      const tried = async (caller: string | null, password = 'wrong password'): Promise<unknown> => (await call('POST', '/auth/v1/token?grant_type=password', {
        url: gateway.url, body: JSON.stringify({ email: user.email, password }), headers: { 'content-type': 'application/json', ...(caller === null ? {} : { [callerHeader]: caller }) },
      })).body.code;
      // More than may fail at once, and than come back while a busy machine answers.
      const many = (caller: (host: number) => string): Promise<unknown[]> => Promise.all(Array.from({ length: 45 }, (_, host) => tried(caller(host))));
      expect(await many(() => sayCaller('203.0.113.7', caller_secret))).toContain('over_request_rate_limit');
      expect(await tried(sayCaller('203.0.113.8', caller_secret), user.password), 'the owner, from elsewhere').toBeUndefined();
      expect(await many((host) => sayCaller(`198.51.100.${host}`, 'another secret')), 'forged, all are of one address').toContain('over_request_rate_limit');
    } finally {
      await gateway.close();
    }
  }, 60_000);

  test.each([
    ['a broken body', '{"email":', 400, 'bad_json'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, 'bad_json'],
    ['a body that is a list', '[]', 400, 'validation_failed'],
    ['a number for an e-mail', '{"email":5,"password":"correct horse"}', 400, 'validation_failed'],
    ['a NUL byte in an e-mail', '{"email":"a\\u0000@example.com","password":"correct horse"}', 400, 'validation_failed'],
    ['a NUL byte in metadata', '{"email":"nul@example.com","password":"correct horse","data":{"a":"\\u0000"}}', 400, 'validation_failed'],
    ['a lone surrogate in metadata', '{"email":"lone@example.com","password":"correct horse","data":{"a":"\\ud800"}}', 400, 'validation_failed'],
    ['a password of 73 bytes', JSON.stringify({ email: 'long@example.com', password: 'x'.repeat(73) }), 400, 'validation_failed'],
    ['more than 1 MB', JSON.stringify({ email: 'big@example.com', password: 'x'.repeat(1_100_000) }), 413, 'request_body_too_large'],
  ])('%s is refused with a code', async (_what, body, status, code) => {
    const response = await fetch(`${stack.gateway.url}/auth/v1/signup`, {
      method: 'POST', headers: { apikey: PUBLISHABLE, 'x-supabase-api-version': '2024-01-01' }, body,
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
  });

  test('an access token that is expired, altered or not of a user is refused', async () => {
    const user = await signedUp();
    const [head, payload, signature] = user.access_token.split('.');
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as Record<string, unknown>;
    const altered = [head, Buffer.from(JSON.stringify({ ...claims, sub: '00000000-0000-4000-8000-000000000000' })).toString('base64url'), signature].join('.');
    const key = await importJWK({ ...stack.jwk }, 'ES256');
    const late = await new SignJWT({ ...claims, exp: Math.floor(Date.now() / 1_000) - 1 }).setProtectedHeader({ alg: 'ES256', kid: stack.jwk.kid }).sign(key);
    const unsigned = [Buffer.from('{"alg":"none"}').toString('base64url'), payload, ''].join('.');
    for (const token of [altered, late, unsigned, PUBLISHABLE]) {
      expect(await call('GET', '/auth/v1/user', { headers: bearer(token) })).toMatchObject({ status: 403, body: { code: 'bad_jwt' } });
    }
    expect((await call('GET', '/auth/v1/user', { headers: bearer(user.access_token) })).status).toBe(200);
  });

  test('a banned user is out at once, and back when the ban is lifted', async () => {
    const user = await signedUp();
    const admin = client(SECRET).auth.admin;
    expect((await admin.updateUserById(user.id, { ban_duration: '24h' })).error).toBeNull();
    expect((await call('GET', '/auth/v1/user', { headers: bearer(user.access_token) })).body.code).toBe('user_banned');
    expect((await refresh(user.refresh_token)).body.code).toBe('user_banned');
    expect((await admin.updateUserById(user.id, { ban_duration: 'soon' })).error?.code).toBe('validation_failed');
    expect((await admin.updateUserById(user.id, { ban_duration: 'none' })).error).toBeNull();
    expect((await refresh(user.refresh_token)).status).toBe(200);
  });

  test('administrators page through users and delete them', async () => {
    const admin = client(SECRET).auth.admin;
    await signedUp();
    const last = await signedUp();
    const page = await admin.listUsers({ page: 1, perPage: 1 });
    expect(page.data.users.map(({ id }) => id)).toEqual([last.id]);
    expect(page.data).toMatchObject({ nextPage: 2 });
    expect((await admin.deleteUser(last.id)).error).toBeNull();
    expect((await admin.getUserById(last.id)).error?.code).toBe('user_not_found');
    expect((await refresh(last.refresh_token)).body.code).toBe('refresh_token_not_found');
  });
});
