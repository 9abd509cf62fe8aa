/**
 * The local gateway: Supabase's URL layout in front of PostgREST and the auth server, so that supabase-js works here as
 * it does against hosted Supabase.
 *
 * `/rest/v1/*` → PostgREST · `/auth/v1/*` → the auth server in this very Node program · `/health`
 */
import type { JsonWebKey } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { callerHeader, readCaller } from '../../contracts/caller-address.ts';
import { keyChecker } from './auth/api-keys.ts';
import type { AuthContext, AuthResponse, LogLine, Mail } from './auth/context.ts';
import { openDatabase } from './auth/database.ts';
import { createFlows } from './auth/pkce.ts';
import { createRateLimits } from './auth/rate-limit.ts';
import { answerAuth } from './auth/server.ts';
import { loadSigningKey, publicJwks, roleToken, roleTokens } from './auth/tokens.ts';
import { createRestProxy, hasUnreadBody } from './gateway-proxy.ts';
import { isLoopback } from './http.ts';

export { publicJwks, roleToken };

export type GatewayOptions = {
  /** Loopback only: there is no TLS here. */
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Login `supabase_auth_admin`. */
  database_url: string;
  postgrest_url: string;
  /** Private ES256 key with `kid`. */
  jwk: JsonWebKey;
  /** `sb_publishable_…`, acts as `anon`. */
  publishable_key: string;
  /** `sb_secret_…`, acts as `service_role`. */
  secret_key: string;
  /** Where one-time links lead. */
  site_url: string;
  /** Whoever knows it may name the address that it asks for (contracts/caller-address.ts): the web app. */
  caller_secret?: string;
  /** Refuses sign-up; invitations and users made with the secret key remain possible. */
  disable_signup?: boolean;
  /** Asks the database whether an invitation's token opens a closed sign-up to an address: the hook that hosted Supabase calls, too. */
  invited_may_sign_up?: boolean;
  /** Receives one object a line. No secret, and no body or header of a request, is ever logged. */
  log: LogLine;
  /** Receives mails, which are not sent, with their one-time link and code. */
  send: (mail: Mail) => void;
};

export type Gateway = { url: string; close(): Promise<void> };

/** Paths below /auth/v1 that a browser opens, or that hold nothing private. */
const KEYLESS = new Set(['GET /verify', 'GET /.well-known/jwks.json', 'GET /health']);

const METHODS = 'GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS';
const EXPOSED = 'Content-Range, Content-Location, Link, Location, X-Total-Count, X-Sb-Error-Code, X-Supabase-Api-Version, Proxy-Status';
const CLOSE_GRACE_MS = 2_000;

function send(response: ServerResponse, answer: AuthResponse): void {
  if (response.headersSent || response.destroyed) return;
  const plain = typeof answer.body === 'string';
  const bytes = answer.body === undefined ? undefined : Buffer.from(plain ? (answer.body as string) : JSON.stringify(answer.body));
  const headers: Record<string, string | number> = { ...answer.headers };
  if (bytes) {
    headers['content-type'] = plain ? 'text/plain; charset=utf-8' : 'application/json';
    headers['content-length'] = bytes.length;
  }
  if (hasUnreadBody(response.req)) headers['connection'] = 'close';
  response.writeHead(answer.status, headers);
  response.end(bytes);
}

function applyCors(request: IncomingMessage, response: ServerResponse): boolean {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-expose-headers', EXPOSED);
  if (request.method !== 'OPTIONS' || !request.headers['access-control-request-method']) return false;
  response.writeHead(204, {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '*',
    'access-control-max-age': '3600',
    vary: 'Access-Control-Request-Headers',
  });
  response.end();
  return true;
}

/**
 * Starts listening and resolves when it does. Rejects with `GATEWAY_NOT_LOOPBACK`, `AUTH_KEY_INVALID` or Node's
 * `EADDRINUSE`. Neither database nor PostgREST must be up yet: until they are, requests get 503.
 * `close` ends open requests after two seconds, and gives a hanging database two more.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { host, port, log } = options;
  if (!isLoopback(host)) {
    throw new Error(`GATEWAY_NOT_LOOPBACK: the gateway speaks plain HTTP and listens on loopback only, not on "${host}"; use 127.0.0.1 and put a TLS proxy before it`);
  }
  const key = await loadSigningKey(options.jwk);
  const tokenFor = roleTokens(key);
  const checkKey = keyChecker(options.publishable_key, options.secret_key);
  const rest = createRestProxy(options.postgrest_url, log);
  const database = openDatabase(options.database_url, log);
  const context: AuthContext = {
    database, key, log,
    send: options.send,
    invited: async (email, invitation_token) => {
      if (!options.invited_may_sign_up || invitation_token === null) return false;
      const event = { user: { email, user_metadata: { invitation_token } } };
      const { rows } = await database.query<{ refused: boolean }>(`select ops_private.before_user_created($1) ? 'error' as refused`, [event]);
      return rows[0]?.refused === false;
    },
    external_url: '',
    site_url: options.site_url,
    disable_signup: options.disable_signup ?? false,
    limits: createRateLimits(),
    flows: createFlows(),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (applyCors(request, response)) return;
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    if (path === '/health') return send(response, { status: 200, body: { status: 'ok' } });
    const service = /^\/(rest|auth)\/v1(?=\/|$)/.exec(path);
    if (!service) {
      return send(response, { status: 404, body: { code: 'not_found', message: 'Nothing is served here; use /rest/v1 or /auth/v1' } });
    }
    const below = target.slice(service[0].length);
    const auth_path = path.slice(service[0].length);
    const checked = checkKey(singleHeader(request, 'apikey'), request.headers.authorization);
    const keyless = service[1] === 'auth' && KEYLESS.has(`${request.method} ${auth_path}`);
    if (!checked.ok && !keyless) return send(response, { status: 401, body: checked.body });

    const role = checked.ok ? checked.role : 'anon';
    let authorization = checked.ok ? checked.authorization : null;
    const own_key_as_bearer = request.headers.authorization !== undefined && authorization === null;
    // Without a bearer, a publishable key says nothing to the auth server; a secret key always speaks for itself.
    if (!authorization && checked.ok && (service[1] === 'rest' || role === 'service_role' || own_key_as_bearer)) {
      authorization = `Bearer ${await tokenFor(role)}`;
    }
    if (service[1] === 'rest') return rest.forward(request, response, below, authorization);
    send(response, await answerAuth(context, request, {
      path: auth_path,
      query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
      token: authorization?.match(/^Bearer +(\S+) *$/i)?.[1] ?? null,
      ip: callerAddress(request, role === 'service_role', options.caller_secret),
    }));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      log({ level: 'error', event: 'gateway_failed', message: error instanceof Error ? error.message : String(error) });
      send(response, { status: 500, body: { code: 'unexpected_failure', message: 'The gateway failed; see its log' } });
    });
  });
  // Longer than clients keep idle connections, so that none is closed at the moment it is used again.
  server.keepAliveTimeout = 75_000;

  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    rest.close();
    await database.end();
    throw error;
  }
  const { port: bound } = server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  context.external_url = `${url}/auth/v1`;

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    await closed;
    clearTimeout(timer);
    rest.close();
    // A database that hangs must not hold up the end; its connections go with this program.
    await Promise.race([database.end(), new Promise<void>((resolve) => setTimeout(resolve, CLOSE_GRACE_MS).unref())]);
  }
  return { url, close: () => (closing ??= close()) };
}

function singleHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The client's address. A server with the secret key may name the address that it acts for, as on hosted Supabase; so may the web app, which has none. */
function callerAddress(request: IncomingMessage, trusted: boolean, secret: string | undefined): string {
  const said = secret === undefined ? null : readCaller(singleHeader(request, callerHeader), secret);
  if (said !== null) return said;
  const named = trusted ? singleHeader(request, 'sb-forwarded-for')?.trim() : undefined;
  if (named && isIP(named) > 0) return named;
  return request.socket.remoteAddress ?? '127.0.0.1';
}
