/**
 * The auth server: the part of GoTrue's HTTP interface that supabase-js and @supabase/ssr use, on GoTrue's tables.
 * Left out: second factors, phone numbers, social and single sign-on, hooks.
 */
import type { IncomingMessage } from 'node:http';
import * as admin from './admin-routes.ts';
import type { AuthContext, AuthHandler, AuthRequest, AuthResponse } from './context.ts';
import { AuthError, asAuthError, errorResponse } from './errors.ts';
import * as links from './link-routes.ts';
import { jwks, health, settings } from './public-routes.ts';
import * as signIn from './sign-in-routes.ts';

const MOST_BODY_BYTES = 1_048_576;
const BODY_SECONDS = 15;

const ROUTES: Record<string, AuthHandler> = {
  'POST /signup': signIn.signUp,
  'POST /token': signIn.token,
  'GET /user': signIn.getUser,
  'PUT /user': signIn.putUser,
  'POST /logout': signIn.logOut,
  'POST /factors': signIn.enrollFactor,
  'POST /recover': links.recover,
  'POST /otp': links.otp,
  'POST /magiclink': links.otp,
  'POST /resend': links.resend,
  'POST /invite': links.invite,
  'POST /verify': links.verify,
  'GET /verify': links.openLink,
  'GET /admin/users': admin.listUsers,
  'POST /admin/users': admin.createUser,
  'POST /admin/generate_link': admin.generateLink,
  'GET /.well-known/jwks.json': jwks,
  'GET /settings': settings,
  'GET /health': health,
};

const USER_ROUTES: Record<string, AuthHandler> = {
  GET: admin.readUser,
  PUT: admin.updateUser,
  DELETE: admin.deleteUser,
};

function route(method: string, path: string): AuthHandler | undefined {
  const key = `${method} ${path}`;
  if (Object.hasOwn(ROUTES, key)) return ROUTES[key];
  if (/^\/admin\/users\/[^/]+$/.test(path) && Object.hasOwn(USER_ROUTES, method)) return USER_ROUTES[method];
  return undefined;
}

/** The parsed JSON body, `{}` where there is none. Throws 413, 408 and 400 `bad_json`. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const too_large = new AuthError(413, 'request_body_too_large', `The body exceeds ${MOST_BODY_BYTES} bytes; send less`);
  if (Number(request.headers['content-length'] ?? 0) > MOST_BODY_BYTES) throw too_large;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    request.destroy();
  }, BODY_SECONDS * 1_000);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length;
      if (bytes > MOST_BODY_BYTES) throw too_large;
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (late) throw new AuthError(408, 'request_timeout', `The body did not arrive within ${BODY_SECONDS} seconds`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))) as unknown;
  } catch {
    throw new AuthError(400, 'bad_json', 'Could not parse request body as JSON');
  }
}

export type AuthCall = {
  path: string;
  query: URLSearchParams;
  token: string | null;
  ip: string;
};

/** Answers one request. Never throws; failures of 5xx go to the log with method and path, never with the body. */
export async function answerAuth(context: AuthContext, incoming: IncomingMessage, call: AuthCall): Promise<AuthResponse> {
  const method = incoming.method ?? 'GET';
  const header = incoming.headers['x-supabase-api-version'];
  const api_version = typeof header === 'string' ? header : null;
  const handler = route(method, call.path);
  if (!handler) {
    return { status: 404, body: '404 page not found\n', headers: { 'x-content-type-options': 'nosniff' } };
  }
  try {
    const body = method === 'GET' ? {} : await readBody(incoming);
    const request: AuthRequest = { ...call, method, body, user_agent: incoming.headers['user-agent'] ?? null, api_version };
    return await handler(context, request);
  } catch (thrown) {
    const error = asAuthError(thrown);
    if (error.status >= 500) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      context.log({ level: 'error', event: 'auth_failed', method, path: call.path, status: error.status, code: error.code, message });
    }
    return errorResponse(error, api_version);
  }
}
