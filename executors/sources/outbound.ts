import { lookup, type LookupAddress } from "node:dns";
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { Refused } from "./refused.ts";
import { isPublicAddress, readAllowList, type AllowList } from "./outbound-address.ts";

// The one client for addresses that people type in: webhooks and HTTP sources.

interface Outbound {
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
  /** Hosts and networks that an installation trusts beside the public ones, also over http: `10.1.0.0/16`, `hooks.internal`. */
  allow: readonly string[];
  /** Names to addresses; the system's unless a test brings its own. */
  resolve?: (hostname: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void;
}

export interface OutboundRequest extends Outbound {
  /** Of everything together: names, connection, request and answer. */
  timeout_ms: number;
  /** Of the answer's body; 0 reads nothing of it. */
  max_bytes: number;
}

export interface OutboundStreamRequest extends Outbound {
  /** Until the head of the answer is there. */
  answer_ms: number;
  /** Between two chunks of its body. */
  idle_ms: number;
}

export interface OutboundAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Why this URL may not be called, as far as it says itself; null where only its DNS name can tell. */
export function refusedUrl(text: string, allow: readonly string[]): string | null {
  if (!URL.canParse(text)) return "is not a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "holds a user name or password";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "is neither https nor http";
  const allowed = readAllowList(allow);
  const host = hostOf(url);
  // A URL's host is in canonical form: 0x7f.1, 2130706433 and ⑫⑦.0.0.1 are 127.0.0.1 by now.
  if (isIP(host) !== 0) return refusedAddress(host, host, url, allowed);
  return url.protocol === "http:" && !allowed.hosts.has(host) && !allowed.hasNetworks ? "is not https" : null;
}

/**
 * One request. The connection goes to the very addresses that were checked, so a second answer of DNS changes nothing; redirects are
 * answers like others and not followed; no idle connection and no proxy of the environment is used. Throws an Error whose message
 * may be shown: it never holds the URL, nor an address.
 */
export async function sendOutbound(target: string, request: OutboundRequest): Promise<OutboundAnswer> {
  const limit = AbortSignal.timeout(request.timeout_ms);
  try {
    const answer = await answerTo(target, request, limit);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await readBody(answer, request.max_bytes) };
  } catch (error) {
    throw shownError(error, request, limit, request.timeout_ms);
  }
}

/**
 * The same, its answer's body left to the caller, however long it is: a stream that fails after `idle_ms` without a byte, and when
 * `signal` aborts. Destroy it where it is not read to its end.
 */
export async function openOutbound(target: string, request: OutboundStreamRequest): Promise<{ status: number; headers: IncomingHttpHeaders; body: Readable }> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), request.answer_ms);
  try {
    const answer = await answerTo(target, request, limit.signal);
    answer.setTimeout(request.idle_ms, () => answer.destroy(new Error(`No bytes for ${request.idle_ms / 1000} s.`)));
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: answer };
  } catch (error) {
    throw shownError(error, request, limit.signal, request.answer_ms);
  } finally {
    clearTimeout(timer);
  }
}

async function answerTo(target: string, request: Outbound, limit: AbortSignal): Promise<IncomingMessage> {
  const refused = refusedUrl(target, request.allow);
  if (refused !== null) throw new Refused(`The URL ${refused}.`);
  const url = new URL(target);
  const length = request.body === undefined ? {} : { "content-length": String(Buffer.byteLength(request.body)) };
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const sent = send(url, {
      method: request.method, agent: false, signal: request.signal ? AbortSignal.any([request.signal, limit]) : limit, lookup: checkedLookup(url, request),
      headers: { "user-agent": "lakehouse-control-room", ...length, ...request.headers },
    });
    sent.on("response", resolve);
    sent.on("error", reject);
    sent.end(request.body);
  });
}

function checkedLookup(url: URL, { allow, resolve }: Outbound): LookupFunction {
  const allowed = readAllowList(allow);
  const ask = resolve ?? ((hostname, callback) => lookup(hostname, { all: true }, callback));
  return (hostname, options, callback) => {
    ask(hostname, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) return callback(error ?? new Refused("The host has no address."), "", 0);
      // One bad address among good ones is refused as well: nobody may choose which of them is tried.
      const refused = addresses.map(({ address }) => refusedAddress(address, hostOf(url), url, allowed)).find((each) => each !== null);
      if (refused !== undefined) return callback(new Refused(`The host ${refused === "is not https" ? refused : "has an address of a private network"}.`), "", 0);
      if (options.all) return (callback as unknown as (error: null, found: LookupAddress[]) => void)(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

function refusedAddress(address: string, host: string, url: URL, allowed: AllowList): string | null {
  if (allowed.hosts.has(host) || allowed.holds(address)) return null;
  if (!isPublicAddress(address)) return "is an address of a private network";
  return url.protocol === "https:" ? null : "is not https";
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

async function readBody(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (maxBytes > 0) {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new Refused(`The answer has more than ${maxBytes} bytes.`);
      chunks.push(chunk);
    }
  }
  answer.destroy();
  return Buffer.concat(chunks);
}

/** Node's own messages name address and port; the code alone says as much to whoever set the URL. A stop is thrown as itself. */
function shownError(error: unknown, { signal }: Outbound, limit: AbortSignal, limit_ms: number): Error {
  signal?.throwIfAborted();
  if (limit.aborted) return new Error(`No answer within ${limit_ms / 1000} s.`, { cause: error });
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") return new Error(`The connection failed (${code}).`, { cause: error });
  return error instanceof Refused ? error : new Error("The connection failed.", { cause: error });
}
