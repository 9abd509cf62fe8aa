/** Forwards requests to PostgREST: streamed both ways, over kept connections. */
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { callerHeader } from '../../contracts/caller-address.ts';
import type { LogLine } from './auth/context.ts';

/** Without a byte either way for this long, a request is given up. PostgREST's statements end after 8 s. */
const IDLE_MS = 60_000;
/** Below the 30 s after which PostgREST closes an idle connection, so that none is used as it closes. */
const KEEP_MS = 15_000;

/** RFC 9110, 7.6.1: these speak of one connection only. */
const HOP_BY_HOP = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
  'transfer-encoding', 'upgrade',
]);
/** Set here or meant for the gateway; what a client claims in them must not reach the database. */
const OWN = new Set(['host', 'apikey', 'authorization', 'expect', 'forwarded', 'sb-forwarded-for', callerHeader]);

function endToEnd(headers: IncomingHttpHeaders, drop: (name: string) => boolean): OutgoingHttpHeaders {
  const listed = new Set((headers.connection ?? '').toLowerCase().split(',').map((name) => name.trim()));
  const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !listed.has(name) && !drop(name));
  return Object.fromEntries(kept);
}

/** Then the connection must end with the answer, lest the rest of the body be read as the next request. */
export function hasUnreadBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return !request.complete && (encoding !== undefined || Number(length ?? 0) > 0);
}

function refuse(response: ServerResponse, status: 503 | 504, code: string, message: string, hint: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify({ code, message, details: null, hint }));
  const headers: OutgoingHttpHeaders = { 'content-type': 'application/json', 'content-length': body.length };
  if (hasUnreadBody(response.req)) headers['connection'] = 'close';
  response.writeHead(status, headers);
  response.end(body);
}

export type RestProxy = {
  /** `target` is path and query below /rest/v1. Answers 503 `rest_unavailable` and 504 `rest_timeout` itself. */
  forward(request: IncomingMessage, response: ServerResponse, target: string, authorization: string | null): void;
  close(): void;
};

export function createRestProxy(postgrest_url: string, log: LogLine): RestProxy {
  const base = new URL(postgrest_url);
  const prefix = base.pathname.replace(/\/+$/, '');
  const agent = new Agent({ keepAlive: true, timeout: KEEP_MS, maxFreeSockets: 32 });

  function forward(request: IncomingMessage, response: ServerResponse, target: string, authorization: string | null, repeated = false): void {
    const headers = endToEnd(request.headers, (name) => OWN.has(name) || name.startsWith('x-forwarded-'));
    if (authorization) headers['authorization'] = authorization;
    headers['x-forwarded-for'] = request.socket.remoteAddress ?? '';
    headers['x-forwarded-host'] = request.headers.host ?? '';
    headers['x-forwarded-proto'] = 'http';
    headers['x-forwarded-prefix'] = '/rest/v1';
    const chunked = request.headers['transfer-encoding'] !== undefined;
    const has_body = chunked || Number(request.headers['content-length'] ?? 0) > 0;
    // Node frames a body of GET or DELETE only when told to; unframed bytes would be read as a second request.
    if (chunked) headers['transfer-encoding'] = 'chunked';

    const upstream = httpRequest({
      agent,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || 80,
      method: request.method,
      path: prefix + (target.startsWith('/') ? target : `/${target}`),
      headers,
    });
    let late = false;
    upstream.setTimeout(IDLE_MS, () => {
      late = true;
      upstream.destroy(new Error('idle'));
    });
    response.once('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers, (name) => name.startsWith('access-control-')));
      // A break on either side ends the other; the client sees a cut answer, never a short one that looks whole.
      pipeline(answer, response, () => {});
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (response.destroyed) return;
      // PostgREST closed a kept connection just now; reading again changes nothing.
      const safe = request.method === 'GET' || request.method === 'HEAD';
      const again = upstream.reusedSocket && error.code === 'ECONNRESET' && safe && !has_body && !repeated && !response.headersSent;
      if (again) return forward(request, response, target, authorization, true);
      log({ level: 'warn', event: 'rest_failed', method: request.method, code: error.code ?? error.message });
      if (late) refuse(response, 504, 'rest_timeout', `PostgREST sent nothing for ${IDLE_MS / 1_000} seconds`, 'Ask for less at once, or look into the log of PostgREST.');
      else refuse(response, 503, 'rest_unavailable', 'PostgREST cannot be reached', 'It may be starting; retry in a moment, then look into its log.');
    });
    if (has_body) request.pipe(upstream);
    else upstream.end();
  }

  return { forward, close: () => agent.destroy() };
}
