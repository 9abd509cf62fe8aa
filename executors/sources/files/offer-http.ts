import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { backoffMs, sleep } from "../../core/backoff.ts";
import { CodedError } from "../../storage/coded-error.ts";
import { openOutbound } from "../outbound.ts";
import { sourceStatus, unreachableSource } from "../source-error.ts";
import type { OfferedFile } from "./offered-file.ts";

export interface HttpSource {
  /** Base address without a slash at its end. */
  url: string;
  headers: Record<string, string>;
  allow: readonly string[];
  signal: AbortSignal;
  limits?: HttpLimits;
}
export interface HttpLimits {
  /** Tries of one request. */
  tries: number;
  base_ms: number;
  cap_ms: number;
  answer_ms: number;
  /** Between two chunks. */
  idle_ms: number;
}
export const httpLimits: HttpLimits = { tries: 5, base_ms: 500, cap_ms: 20_000, answer_ms: 60_000, idle_ms: 60_000 };

/** A server that says when is asked then, within reason. */
const MOST_RETRY_AFTER_MS = 60_000;

export interface HttpAnswer {
  headers: IncomingHttpHeaders;
  body: Readable;
}

/**
 * One GET, repeated with full jitter after failed connections and the statuses that say "later" (`Retry-After` is heeded). Throws
 * CodedErrors `source_…`; `missing` answers null where nothing is there.
 */
export async function getHttp(source: HttpSource, url: string, place: string, headers: Record<string, string> = {}): Promise<HttpAnswer | null> {
  const { limits = httpLimits, signal, allow } = source;
  for (let tried = 1; ; tried += 1) {
    let failure: CodedError;
    let after = 0;
    try {
      const answer = await openOutbound(url, { method: "GET", headers: { "accept-encoding": "identity", ...source.headers, ...headers }, allow, signal, answer_ms: limits.answer_ms, idle_ms: limits.idle_ms });
      if (answer.status === 200) return answer;
      answer.body.destroy();
      if (answer.status === 404 || answer.status === 410) return null;
      if (answer.status === 412) throw changed(place);
      failure = sourceStatus(answer.status, place);
      after = retryAfterMs(answer.headers["retry-after"]);
    } catch (error) {
      signal.throwIfAborted();
      failure = error instanceof CodedError ? error : unreachableSource(error, place);
    }
    if (!failure.retryable || failure.code === "source_changed" || tried >= limits.tries) throw failure;
    await sleep(Math.max(after, backoffMs(tried, limits)), signal);
  }
}

/** The address of a path below the connection; what would lead out of it is refused. */
export function urlBelow(base: string, path: string): string {
  const url = URL.canParse(`${base}/${path}`) ? new URL(`${base}/${path}`).href : "";
  if (url.startsWith(`${new URL(base).href.replace(/\/$/, "")}/`)) return url;
  throw new CodedError({ code: "source_path_refused", message: "The path leads out of the connection", place: path, remedy: "Name a path below the connection's address." });
}

/** A file on a server. Its ETag, else its Last-Modified with its length, tells it apart. */
export async function offerHttp(source: HttpSource, path: string): Promise<OfferedFile[]> {
  const url = urlBelow(source.url, path);
  let answer = await getHttp(source, url, path);
  if (answer === null) return [];
  const { etag, "last-modified": modified, "content-length": length } = answer.headers;
  const strong = etag !== undefined && !etag.startsWith("W/") ? etag : null;
  return [{
    name: path.split("?")[0]!,
    identity: etag ?? (modified !== undefined && length !== undefined ? `${modified} ${length}` : null),
    async open() {
      const ready = answer;
      answer = null;
      // The first opening reads the answer that told the identity; another one asks for the same bytes.
      const again = ready ?? (await getHttp(source, url, path, strong === null ? {} : { "if-match": strong }));
      if (again === null) throw changed(path);
      return again.body;
    },
    release() {
      answer?.body.destroy();
      answer = null;
    },
  }];
}

function changed(place: string): CodedError {
  return new CodedError({ code: "source_changed", message: "The file changed while it was read", place, remedy: "The same attempt may work again.", retryable: true });
}

/** Seconds, or a date (RFC 9110). */
function retryAfterMs(header: string | undefined): number {
  if (header === undefined) return 0;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MOST_RETRY_AFTER_MS) : 0;
}
