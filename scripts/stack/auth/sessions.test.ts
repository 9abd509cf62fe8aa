import { createClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import ws from 'ws';
import { bearer, callsTo } from './testing-calls.ts';
import { PUBLISHABLE, SECRET, startTestStack, type Stack } from './testing.ts';

let stack: Stack;
const { asSuperuser, call, client, newEmail, post, refresh, signedUp } = callsTo(() => stack);

beforeAll(async () => {
  stack = await startTestStack();
}, 120_000);
afterAll(async () => stack?.stop(), 30_000);

describe('sessions', () => {
  test('twenty refreshes of one token at once give one child', async () => {
    const user = await signedUp();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(user.refresh_token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
  });

  test('a refresh token used again after ten seconds ends the whole session', async () => {
    const user = await signedUp();
    const child = String((await refresh(user.refresh_token)).body.refresh_token);
    await asSuperuser(`update auth.refresh_tokens set updated_at = now() - interval '11 seconds' where token = $1`, [user.refresh_token]);
    expect(await refresh(user.refresh_token)).toMatchObject({ status: 400, body: { code: 'refresh_token_already_used' } });
    expect((await refresh(child)).body.code).toBe('refresh_token_not_found');
    expect((await call('GET', '/auth/v1/user', { headers: bearer(user.access_token) })).body.code).toBe('session_not_found');
  });

  test('signing out locally, elsewhere or everywhere ends exactly those sessions', async () => {
    const user = await signedUp();
    const signIn = async (): Promise<string> =>
      String((await post('/auth/v1/token?grant_type=password', user)).body.access_token);
    const alive = async (tokens: string[]): Promise<boolean[]> =>
      Promise.all(tokens.map(async (token) => (await call('GET', '/auth/v1/user', { headers: bearer(token) })).status === 200));
    const tokens = [user.access_token, await signIn(), await signIn()];
    const leave = async (token: string, scope: string): Promise<number> => (await call('POST', `/auth/v1/logout?scope=${scope}`, { headers: bearer(token) })).status;
    expect(await leave(tokens[0]!, 'local')).toBe(204);
    expect(await alive(tokens)).toEqual([false, true, true]);
    expect(await leave(tokens[1]!, 'others')).toBe(204);
    expect(await alive(tokens)).toEqual([false, true, false]);
    tokens.push(await signIn());
    expect(await leave(tokens[1]!, 'global')).toBe(204);
    expect(await alive(tokens)).toEqual([false, false, false, false]);
    expect(await leave(tokens[1]!, 'nowhere')).toBe(400);
  });

  test('a new password ends the sessions elsewhere', async () => {
    const user = await signedUp();
    const elsewhere = String((await post('/auth/v1/token?grant_type=password', user)).body.refresh_token);
    const changed = await call('PUT', '/auth/v1/user', { headers: bearer(user.access_token), body: JSON.stringify({ password: 'another password' }) });
    expect(changed.status).toBe(200);
    expect((await refresh(elsewhere)).body.code).toBe('refresh_token_not_found');
    expect((await refresh(user.refresh_token)).status).toBe(200);
  });
});

describe('links', () => {
  const mailTo = (email: string): { link: string; code: string; type: string } =>
    stack.mails.findLast((mail) => mail.to === email) as { link: string; code: string; type: string };

  test('a recovery link signs in once and then no more', async () => {
    const user = await signedUp();
    await client().auth.resetPasswordForEmail(user.email, { redirectTo: 'http://127.0.0.1:3000/new-password' });
    const { link } = mailTo(user.email);
    const opened = await fetch(link, { redirect: 'manual' });
    expect(opened.status).toBe(303);
    const target = new URL(opened.headers.get('location')!);
    expect(target.origin + target.pathname).toBe('http://127.0.0.1:3000/new-password');
    const given = new URLSearchParams(target.hash.slice(1));
    expect(given.get('type')).toBe('recovery');
    expect((await call('GET', '/auth/v1/user', { headers: bearer(given.get('access_token')!) })).body.id).toBe(user.id);
    const again = await fetch(link, { redirect: 'manual' });
    expect(new URLSearchParams(new URL(again.headers.get('location')!).hash.slice(1)).get('error_code')).toBe('otp_expired');
  });

  test('with PKCE the link gives a code that only the asking client can exchange', async () => {
    const user = await signedUp();
    const kept = new Map<string, string>();
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key) };
    const auth = createClient(stack.gateway.url, PUBLISHABLE, {
      auth: { flowType: 'pkce', storage, autoRefreshToken: false, detectSessionInUrl: false }, realtime: { transport: ws as never },
    }).auth;
    expect((await auth.resetPasswordForEmail(user.email)).error).toBeNull();
    const opened = await fetch(mailTo(user.email).link, { redirect: 'manual' });
    const code = new URL(opened.headers.get('location')!).searchParams.get('code')!;
    expect(await post('/auth/v1/token?grant_type=pkce', { auth_code: 'unknown', code_verifier: 'x' })).toMatchObject({ status: 404 });
    const exchanged = await auth.exchangeCodeForSession(code);
    expect(exchanged.error).toBeNull();
    expect(exchanged.data.session?.user.id).toBe(user.id);
    expect(await post('/auth/v1/token?grant_type=pkce', { auth_code: code, code_verifier: 'x' })).toMatchObject({ status: 404 });
  });

  test('a new e-mail holds when both addresses have opened their link, in either order, and no link works twice', async () => {
    for (const order of ['present first', 'new first']) {
      const user = await signedUp();
      const wanted = newEmail();
      const change = (email: string) => call('PUT', '/auth/v1/user', { headers: bearer(user.access_token), body: JSON.stringify({ email }) });
      expect((await change(wanted)).body).toMatchObject({ email: user.email, new_email: wanted });
      expect(await change(wanted)).toMatchObject({ status: 429, body: { code: 'over_email_send_rate_limit' } });
      const links = [mailTo(user.email), mailTo(wanted)].map((mail) => new URL(mail.link).searchParams.get('token')!);
      if (order === 'new first') links.reverse();
      const [first, second] = links as [string, string];
      const open = (token_hash: string) => post('/auth/v1/verify', { type: 'email_change', token_hash });
      expect((await open(first)).body).toMatchObject({ code: '200' });
      expect((await open(first)).body.code).toBe('otp_expired');
      expect((await call('GET', '/auth/v1/user', { headers: bearer(user.access_token) })).body.email).toBe(user.email);
      expect((await open(second)).body.user).toMatchObject({ email: wanted });
      expect((await open(second)).body.code).toBe('otp_expired');
      expect((await client().auth.signInWithPassword({ email: wanted, password: user.password })).error).toBeNull();
      expect((await client().auth.signInWithPassword({ email: user.email, password: user.password })).error?.code).toBe('invalid_credentials');
    }
    const [user, other] = [await signedUp(), await signedUp()];
    const taken = await call('PUT', '/auth/v1/user', { headers: bearer(user.access_token), body: JSON.stringify({ email: other.email }) });
    expect(taken).toMatchObject({ status: 422, body: { code: 'email_exists' } });
  });

  test('an hour later a link is void', async () => {
    const user = await signedUp();
    const made = await client(SECRET).auth.admin.generateLink({ type: 'recovery', email: user.email });
    await asSuperuser(`update auth.one_time_tokens set created_at = created_at - interval '61 minutes' where user_id = $1`, [user.id]);
    const { error } = await client().auth.verifyOtp({ type: 'recovery', token_hash: made.data.properties!.hashed_token });
    expect(error?.code).toBe('otp_expired');
  });

  test('a link that another browser asked for leads to the page of the app with its token, and opens once', async () => {
    const { email } = await signedUp();
    const emailRedirectTo = `http://127.0.0.1:3000/auth/confirm?next=%2Finvitations%2Flci_x`;
    expect((await client().auth.signInWithOtp({ email, options: { emailRedirectTo } })).error).toBeNull();
    const link = new URL(mailTo(email).link);
    expect([link.pathname, link.searchParams.get('next'), link.searchParams.get('type'), link.searchParams.get('email'), link.hash]).toEqual(['/auth/confirm', '/invitations/lci_x', 'magiclink', email, '']);
    const proof = { type: 'magiclink', token_hash: link.searchParams.get('token_hash')! } as const;
    expect((await client().auth.verifyOtp(proof)).data.user?.email).toBe(email);
    expect((await client().auth.verifyOtp(proof)).error?.code).toBe('otp_expired');
  });

  test('an invited person sets a password and signs in', async () => {
    const email = newEmail();
    const admin = client(SECRET).auth.admin;
    expect((await admin.inviteUserByEmail(email, { data: { team: 'lake' } })).error).toBeNull();
    const auth = client().auth;
    expect((await auth.signInWithPassword({ email, password: '' })).error).not.toBeNull();
    const verified = await auth.verifyOtp({ type: 'invite', token_hash: new URL(mailTo(email).link).searchParams.get('token')! });
    expect(verified.data.user).toMatchObject({ email, user_metadata: { team: 'lake' } });
    expect((await auth.updateUser({ password: 'chosen password' })).error).toBeNull();
    expect((await client().auth.signInWithPassword({ email, password: 'chosen password' })).error).toBeNull();
    expect((await admin.inviteUserByEmail(email)).error?.code).toBe('email_exists');
  });

  test('a typed code signs in, and guessing is limited', async () => {
    const user = await signedUp();
    expect((await client().auth.signInWithOtp({ email: user.email })).error).toBeNull();
    const { code } = mailTo(user.email);
    const wrong = code === '0000000000' ? '0000000001' : '0000000000';
    const tries = await Promise.all(Array.from({ length: 31 }, () => post('/auth/v1/verify', { type: 'email', email: user.email, token: wrong })));
    expect(tries.filter(({ body }) => body.code === 'otp_expired')).toHaveLength(30);
    expect(tries.filter(({ status }) => status === 429)).toHaveLength(1);
    const other = await signedUp();
    await client().auth.signInWithOtp({ email: other.email });
    const verified = await client().auth.verifyOtp({ type: 'email', email: other.email, token: mailTo(other.email).code });
    expect(verified.data.user?.id).toBe(other.id);
  });

  test.each(['https://evil.example/', 'http://user:pw@127.0.0.1:3000/', 'javascript:alert(1)', '//evil.example', 'http://127.0.0.1.evil.example/'])(
    'no link leads to %s',
    async (redirectTo) => {
      const user = await signedUp();
      const made = await client(SECRET).auth.admin.generateLink({ type: 'magiclink', email: user.email, options: { redirectTo } });
      expect(made.data.properties?.redirect_to).toBe('http://127.0.0.1:3000');
      const link = new URL(made.data.properties!.action_link);
      link.searchParams.set('redirect_to', redirectTo);
      const opened = await fetch(link, { redirect: 'manual' });
      expect(new URL(opened.headers.get('location')!).host).toBe('127.0.0.1:3000');
    },
  );

  test('recovery answers alike for known and unknown e-mails', async () => {
    const user = await signedUp();
    const known = await post('/auth/v1/recover', { email: user.email });
    const unknown = await post('/auth/v1/recover', { email: newEmail() });
    expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
  });
});
