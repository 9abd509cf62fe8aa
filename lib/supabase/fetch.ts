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
export function supabaseFetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const door = doors[url.protocol as keyof typeof doors];
  const body = typeof init.body === "string" ? init.body : null;
  if (door === undefined || (init.body && body === null)) return Promise.reject(new TypeError(`Not a request for Supabase: ${url.protocol} with ${typeof init.body}`));
  const headers: http.OutgoingHttpHeaders = Object.fromEntries(new Headers(init.headers));
  const requestId = currentRequestId();
  if (requestId !== undefined) headers["x-request-id"] = requestId;
  if (body !== null) headers["content-length"] = Buffer.byteLength(body);
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => reject(signal.aborted ? (signal.reason as Error) : new TypeError("fetch failed", { cause: error }));
    const request = door.request(url, { method: init.method ?? "GET", headers, agent: door.agent, signal }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      // Also where the connection breaks within the body.
      answer.on("error", failed);
      answer.on("end", () => {
        const status = answer.statusCode ?? 0;
        const given = new Headers();
        for (const [name, value] of Object.entries(answer.headersDistinct)) for (const each of value ?? []) given.append(name, each);
        resolve(new Response(bodiless.has(status) ? null : Buffer.concat(parts), { status, statusText: answer.statusMessage ?? "", headers: given }));
      });
    });
    request.on("error", failed);
    request.end(body ?? undefined);
  });
}
