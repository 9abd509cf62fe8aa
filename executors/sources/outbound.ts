import { lookup, type LookupAddress } from "node:dns";
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress, readAllowList, type AllowList } from "./outbound-address.ts";

// The one client for addresses that people type in: webhooks and HTTP sources.

export interface OutboundRequest {
  method: string;
  headers: Record<string, string>;
  body?: string;
  /** Of everything together: names, connection, request and answer. */
  timeout_ms: number;
  /** Of the answer's body; 0 reads nothing of it. */
  max_bytes: number;
  signal?: AbortSignal;
  /** Hosts and networks that an installation trusts beside the public ones, also over http: `10.1.0.0/16`, `hooks.internal`. */
  allow: readonly string[];
  /** Names to addresses; the system's unless a test brings its own. */
  resolve?: (hostname: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void;
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
  const refused = refusedUrl(target, request.allow);
  if (refused !== null) throw new Error(`The URL ${refused}.`);
  const url = new URL(target);
  const limit = AbortSignal.timeout(request.timeout_ms);
  const signal = request.signal ? AbortSignal.any([request.signal, limit]) : limit;
  const length = request.body === undefined ? {} : { "content-length": String(Buffer.byteLength(request.body)) };
  try {
    return await new Promise<OutboundAnswer>((resolve, reject) => {
      const send = url.protocol === "https:" ? requestHttps : requestHttp;
      const sent = send(url, {
        method: request.method, agent: false, signal, lookup: checkedLookup(url, request),
        headers: { "user-agent": "lakehouse-control-room", ...length, ...request.headers },
      });
      sent.on("response", (answer) => {
        readBody(answer, request.max_bytes).then((body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }), reject);
      });
      sent.on("error", reject);
      sent.end(request.body);
    });
  } catch (error) {
    request.signal?.throwIfAborted();
    if (limit.aborted) throw new Error(`No answer within ${request.timeout_ms / 1000} s.`, { cause: error });
    throw new Error(shown(error), { cause: error });
  }
}

class Refused extends Error {}

function checkedLookup(url: URL, { allow, resolve }: OutboundRequest): LookupFunction {
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

/** Node's own messages name address and port; the code alone says as much to whoever set the URL. */
function shown(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") return `The connection failed (${code}).`;
  return error instanceof Refused ? error.message : "The connection failed.";
}
