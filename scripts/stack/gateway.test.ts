import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { importJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, callsTo, type Answer } from './auth/testing-calls.ts';
import { PUBLISHABLE, SECRET, startTestStack, type Stack } from './auth/testing.ts';
import { roleToken } from './gateway.ts';
import { anyFreePort } from './ports.ts';

let stack: Stack;
const { call, client, post, signedUp } = callsTo(() => stack);

beforeAll(async () => {
  stack = await startTestStack();
}, 120_000);
afterAll(async () => stack?.stop(), 30_000);

describe('keys', () => {
  const who = (headers: Record<string, string>): Promise<Answer> => call('GET', '/rest/v1/rpc/who', { headers });

  test('a request without a known key is refused', async () => {
    const without = await fetch(`${stack.gateway.url}/rest/v1/rpc/who`);
    expect([without.status, await without.json()]).toMatchObject([401, { code: 'no_api_key' }]);
    expect(await who({ apikey: 'sb_secret_guess' })).toMatchObject({ status: 401, body: { code: 'invalid_api_key' } });
    const user = await signedUp();
    const only_session = await fetch(`${stack.gateway.url}/rest/v1/rpc/who`, { headers: bearer(user.access_token) });
    expect(only_session.status).toBe(401);
  });

  test('opaque keys act as their roles, alone or as bearer too, and a mixture is refused', async () => {
    expect((await who({})).body.role).toBe('anon');
    expect((await who(bearer(PUBLISHABLE))).body.role).toBe('anon');
    expect((await who({ apikey: SECRET })).body.role).toBe('service_role');
    expect((await who({ apikey: SECRET, ...bearer(SECRET) })).body.role).toBe('service_role');
    expect(await who(bearer(SECRET))).toMatchObject({ status: 401, body: { code: 'invalid_api_key' } });
  });

  test('a user session passes on beside the publishable key', async () => {
    const user = await signedUp();
    expect((await who(bearer(user.access_token))).body).toMatchObject({ role: 'authenticated', uid: user.id });
  });

  test('a session is refused once it has run out, though it was good a moment ago', async () => {
    const user = await signedUp();
    // PostgREST forgives clocks that are 30 s apart: this one has four seconds left.
    const exp = Math.floor(Date.now() / 1_000) - 26;
    const { kid, ...key } = stack.jwk as typeof stack.jwk & { kid: string };
    const token = await new SignJWT({ role: 'authenticated', sub: user.id, exp }).setProtectedHeader({ alg: 'ES256', kid }).sign(await importJWK({ ...key, kty: 'EC' }, 'ES256'));
    expect((await who(bearer(token))).status).toBe(200);
    await expect.poll(async () => (await who(bearer(token))).status, { timeout: 10_000, interval: 200 }).toBe(401);
  });

  test('the database sees the control room token, and neither keys nor addresses that a client made up', async () => {
    const { body } = await who({ apikey: SECRET, 'x-control-room-token': 'lct_x', 'x-forwarded-for': '10.9.8.7' });
    const headers = body.headers as Record<string, string>;
    expect(headers['x-control-room-token']).toBe('lct_x');
    expect(headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(JSON.stringify(headers)).not.toContain(SECRET);
  });

  test('a header named by Connection stays behind', async () => {
    const seen = await new Promise<string>((resolve, reject) => {
      const request = httpRequest(`${stack.gateway.url}/rest/v1/rpc/who`, { headers: { apikey: PUBLISHABLE, 'x-hop': 'dropped', connection: 'close, x-hop' } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve(text));
      });
      request.on('error', reject).end();
    });
    expect(JSON.parse(seen)).toMatchObject({ role: 'anon' });
    expect(seen).not.toContain('dropped');
  });

  test('the publishable key does not administer', async () => {
    expect(await call('GET', '/auth/v1/admin/users', { headers: bearer(PUBLISHABLE) })).toMatchObject({ status: 403, body: { code: 'not_admin' } });
    const user = await signedUp();
    expect(await call('GET', '/auth/v1/admin/users', { headers: bearer(user.access_token) })).toMatchObject({ status: 403, body: { code: 'not_admin' } });
  });
});

describe('the proxy', () => {
  test('supabase-js writes and reads through it, 2 MB and more', async () => {
    const body = 'ä'.repeat(1_000_000);
    const db = client(SECRET).schema('ops');
    const written = await db.from('notes').insert({ body }).select('id, body').single();
    expect(written.error).toBeNull();
    expect(written.data?.body).toBe(body);
  });

  test('a DELETE with a chunked body stays one request', async () => {
    const { hostname, port } = new URL(stack.gateway.url);
    // Were the body sent on without framing, PostgREST would read it as a request of its own.
    const token = await roleToken(stack.jwk, 'service_role');
    const inner = `DELETE /notes?id=gt.0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const raw = `DELETE /rest/v1/notes?id=eq.-1 HTTP/1.1\r\nHost: x\r\napikey: ${SECRET}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
    await client(SECRET).schema('ops').from('notes').insert({ body: 'must stay' });
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write(raw));
      socket.on('error', reject).on('close', () => resolve()).resume();
    });
    const left = await client(SECRET).schema('ops').from('notes').select('id').eq('body', 'must stay');
    expect(left.data).toHaveLength(1);
  });

  test("PostgREST's own errors pass through", async () => {
    const { error, status } = await client().schema('ops').from('notes').select('id');
    expect([status, error?.code]).toEqual([401, '42501']);
  });

  test('PostgREST down gives 503 with a code, and the log says so', async () => {
    const gateway = await stack.another({ postgrest_url: `http://127.0.0.1:${await anyFreePort()}` });
    try {
      expect(await call('GET', '/rest/v1/notes', { url: gateway.url })).toMatchObject({ status: 503, body: { code: 'rest_unavailable' } });
      const with_body = await call('POST', '/rest/v1/notes', { url: gateway.url, body: JSON.stringify({ body: 'x'.repeat(50_000) }) });
      expect(with_body.status).toBe(503);
      expect(stack.log).toContainEqual(expect.objectContaining({ event: 'rest_failed', code: 'ECONNREFUSED' }));
    } finally {
      await gateway.close();
    }
  });

  test('a browser may call from any origin, without credentials', async () => {
    const preflight = await fetch(`${stack.gateway.url}/rest/v1/notes`, {
      method: 'OPTIONS',
      headers: { origin: 'http://site.test', 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'apikey,prefer' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('apikey,prefer');
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    for (const at of ['/rest/v1/rpc/who', '/auth/v1/settings', '/auth/v1/user']) {
      const { headers } = await call('GET', at, { headers: { origin: 'http://site.test' } });
      expect(headers.get('access-control-allow-origin')).toBe('*');
    }
  });
});

describe('the gateway itself', () => {
  test('it listens on loopback only', async () => {
    await expect(stack.another({ host: '0.0.0.0' })).rejects.toThrow('GATEWAY_NOT_LOOPBACK');
    await expect(stack.another({ host: 'example.com' })).rejects.toThrow('GATEWAY_NOT_LOOPBACK');
  });

  test('a port in use is told, and a closed gateway frees its port', async () => {
    const port = Number(new URL(stack.gateway.url).port);
    await expect(stack.another({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const first = await stack.another({});
    await call('GET', '/auth/v1/settings', { url: first.url });
    await Promise.all([first.close(), first.close()]);
    const second = await stack.another({ port: Number(new URL(first.url).port) });
    await second.close();
  });

  test('without its database auth answers 503, and the gateway stays up', async () => {
    const gateway = await stack.another({ database_url: `postgresql://nobody:x@127.0.0.1:${await anyFreePort()}/postgres` });
    try {
      expect((await call('GET', '/health', { url: gateway.url })).status).toBe(200);
      expect(await call('GET', '/auth/v1/health', { url: gateway.url })).toMatchObject({ status: 503, body: { code: 'unexpected_failure' } });
    } finally {
      await gateway.close();
    }
  });

  test('the log holds no password, key or session', async () => {
    const user = await signedUp();
    await post('/auth/v1/token?grant_type=password', { email: user.email, password: 'wrong password' });
    const text = JSON.stringify(stack.log);
    for (const secret of [user.password, 'wrong password', user.access_token, user.refresh_token, SECRET, PUBLISHABLE]) expect(text).not.toContain(secret);
    expect(stack.log.filter(({ level }) => level === 'error').filter(({ status }) => status !== 503)).toEqual([]);
  });
});
