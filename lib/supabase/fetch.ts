import * as http from "node:http";
import * as https from "node:https";
import { currentRequestId } from "@/lib/request-id.ts";

const timeoutMs = 10_000;
/** Idle connections go before the other side closes them (the gateway after 75 s), so that none is used as it closes. */
const keep = { keepAlive: true, timeout: 20_000, maxFreeSockets: 64 };
const doors = {
  "http:": { request: http.request, agent: new http.Agent(keep) },
  "https:": { request: https.request, agent: new https.Agent(keep) },
} as const;
const bodiless = new Set([204, 205, 304]);

/**
 * `fetch` as the Supabase clients need it (a text body, no redirects), with a time limit and the id of the request that it
 * serves, on Node's own HTTP client: the global one, which Next wraps and which streams through web streams, takes 1.5 ms more of each call.
 */
export async function supabaseFetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const body = typeof init.body === "string" ? init.body : null;
  if (init.body && body === null) throw new TypeError(`Not a request for Supabase: with ${typeof init.body}`);
  const answer = await askSupabase(new URL(input instanceof Request ? input.url : input), { method: init.method ?? "GET", headers: Object.fromEntries(new Headers(init.headers)), body, signal: init.signal });
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) for (const each of value ?? []) headers.append(name, each);
  return new Response(bodiless.has(answer.status) ? null : answer.bytes, { status: answer.status, statusText: answer.statusText, headers });
}

export interface Asked { method: string; headers: http.OutgoingHttpHeaders; body: string | null; signal?: AbortSignal | null }
export interface Answered { status: number; statusText: string; headers: NodeJS.Dict<string[]>; bytes: Buffer<ArrayBuffer> }

/** The same, down to the bytes. */
export function askSupabase(url: URL, { method, headers: given, body, signal: callers }: Asked): Promise<Answered> {
  const door = doors[url.protocol as keyof typeof doors];
  if (door === undefined) return Promise.reject(new TypeError(`Not a request for Supabase: ${url.protocol}`));
  const headers = { ...given };
  const requestId = currentRequestId();
  if (requestId !== undefined) headers["x-request-id"] = requestId;
  if (body !== null) headers["content-length"] = Buffer.byteLength(body);
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = callers ? AbortSignal.any([callers, limit]) : limit;
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(signal.aborted ? (signal.reason as Error) : new TypeError("fetch failed", { cause: error }));
    const request = door.request(url, { method, headers, agent: door.agent, signal }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      // Also where the connection breaks within the body.
      answer.on("error", failed);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, statusText: answer.statusMessage ?? "", headers: answer.headersDistinct, bytes: Buffer.concat(parts) });
      });
    });
    request.on("error", failed);
    request.end(body ?? undefined);
  });
}
