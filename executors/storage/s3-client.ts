import { createHash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import { type BackoffSettings, backoffMs, sleep } from "../core/backoff.ts";
import { CodedError } from "./coded-error.ts";
import type { S3Settings } from "./s3-settings.ts";
import { xmlText } from "./s3-xml.ts";

export interface S3Request {
  method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The object's key; left out for a call on the bucket. */
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  /** Statuses below 500 that are answers and not errors. */
  expect: number[];
}

export interface S3Answer {
  status: number;
  headers: Headers;
  text: string;
  /** An earlier try may have done the work, its answer lost. */
  repeated: boolean;
}

export interface S3Limits {
  /** Tries of one request. */
  tries: number;
  backoff: BackoffSettings;
  /** For the head of an answer, after the request was sent; large bodies get one second more per 256 KiB. */
  answer_ms: number;
  /** Between two chunks of a body. */
  idle_ms: number;
}

export const s3Limits: S3Limits = { tries: 6, backoff: { base_ms: 100, cap_ms: 5_000 }, answer_ms: 30_000, idle_ms: 30_000 };

/** Worth another try. 409 is a conditional write beside another one, still undecided. */
const RETRIED = new Set([408, 409, 425, 429, 500, 502, 503, 504]);
/** Bytes: of a refusal its code is read; an answer that is text lists a thousand keys at most. */
const MOST_OF_ERROR = 64 << 10;
const MOST_OF_ANSWER = 16 << 20;
const NO_ROOM = /StorageFull|QuotaExceeded|InsufficientStorage|NoSpace/i;

/**
 * Signed requests to one bucket, by path and not by host name, as every S3 store understands them. A request is repeated
 * with full jitter after a failed connection, a timeout and the statuses that say "later". Throws CodedError
 * `storage_unavailable` (`retryable` where a repeat may help), `storage_full`, `object_missing`.
 */
export function s3Client(settings: S3Settings, limits: S3Limits = s3Limits, send_request: typeof fetch = fetch) {
  // TLS protects the bytes on their way; without it the signature must cover them.
  const sign_body = settings.endpoint.startsWith("http:");

  const signed = (request: Omit<S3Request, "expect">, presign: boolean) => new AwsV4Signer({
    method: request.method,
    url: urlOf(settings, request.key, request.query),
    headers: { ...request.headers, ...(presign ? {} : { "x-amz-content-sha256": sign_body || request.body === undefined ? sha256(request.body) : "UNSIGNED-PAYLOAD" }) },
    accessKeyId: settings.access_key_id,
    secretAccessKey: settings.secret_access_key,
    ...(settings.session_token === null ? {} : { sessionToken: settings.session_token }),
    service: "s3",
    region: settings.region,
    signQuery: presign,
  }).sign();

  async function once(request: S3Request, controller: AbortController): Promise<Response> {
    const { url, headers } = await signed(request, false);
    const size = request.body === undefined ? 0 : Buffer.byteLength(request.body);
    const wait = limits.answer_ms + Math.ceil(size / (256 << 10)) * 1000;
    const timer = setTimeout(() => controller.abort(new Error(`no answer within ${wait / 1000} s`)), wait);
    try {
      const init: RequestInit & { cache: "no-store" } = { method: request.method, headers, signal: controller.signal, redirect: "manual", cache: "no-store" };
      if (request.body !== undefined) init.body = request.body as NonNullable<RequestInit["body"]>;
      return await send_request(url, init);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends until there is an answer, then lets `read` have it; `read` fails like the request does. */
  async function send<T>(request: S3Request, read: (response: Response, controller: AbortController, repeated: boolean) => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      const controller = new AbortController();
      let failure: CodedError;
      try {
        const response = await once(request, controller);
        if (response.ok || request.expect.includes(response.status)) return await read(response, controller, tried > 1);
        failure = refusal(request.key ?? settings.bucket, response.status, await within(limits.idle_ms, controller, () => textOf(response, MOST_OF_ERROR)));
      } catch (error) {
        if (error instanceof CodedError) throw error;
        failure = unreachable(request.key ?? settings.bucket, controller.signal.aborted ? controller.signal.reason : error);
      }
      if (!failure.retryable || tried >= limits.tries) throw failure;
      await sleep(backoffMs(tried, limits.backoff));
    }
  }

  return {
    limits,
    /** One request whose answer is small. */
    call: (request: S3Request): Promise<S3Answer> =>
      send(request, async (response, controller, repeated) => ({
        status: response.status,
        headers: response.headers,
        text: await within(limits.idle_ms, controller, () => wholeText(response)),
        repeated,
      })),
    /** The head of an answer whose body the caller reads; aborting the controller ends it. */
    open: (request: S3Request): Promise<{ response: Response; controller: AbortController }> =>
      send(request, async (response, controller) => ({ response, controller })),
    /** A URL with which whoever has it may do this one thing until it expires, sending exactly these headers. */
    async presign(request: { method: "GET" | "PUT"; key: string; query?: Record<string, string>; headers: Record<string, string>; expires_seconds: number }): Promise<string> {
      const { url } = await signed({ ...request, query: { ...request.query, "X-Amz-Expires": String(request.expires_seconds) } }, true);
      return url.toString();
    },
  };
}
export type S3Client = ReturnType<typeof s3Client>;

/** Aborts the request when the work takes longer. */
export async function within<T>(ms: number, controller: AbortController, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => controller.abort(new Error(`no bytes for ${ms / 1000} s`)), ms);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** The beginning of a body, at most so many bytes; what follows is not read. */
async function textOf(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= most) break;
  }
  return Buffer.concat(chunks).subarray(0, most).toString();
}

async function wholeText(response: Response): Promise<string> {
  const text = await textOf(response, MOST_OF_ANSWER);
  if (Buffer.byteLength(text) < MOST_OF_ANSWER) return text;
  throw new Error(`an answer of more than ${MOST_OF_ANSWER / (1 << 20)} MiB`);
}

function urlOf({ endpoint, bucket }: S3Settings, key: string | undefined, query: Record<string, string> = {}): string {
  const path = key === undefined ? "" : `/${key.split("/").map(encodePart).join("/")}`;
  const search = Object.entries(query).map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`).join("&");
  return `${endpoint}/${bucket}${path}${search === "" ? "" : `?${search}`}`;
}

/** RFC 3986, which the signature is made of: `encodeURIComponent` leaves five characters more. */
function encodePart(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(body: Uint8Array | string | undefined): string {
  return createHash("sha256").update(body ?? "").digest("hex");
}

function refusal(place: string, status: number, xml: string): CodedError {
  const code = xmlText(xml, "Code") ?? "";
  const said = `${status}${code === "" ? "" : ` ${code}`}`;
  if (status === 507 || NO_ROOM.test(code)) {
    return new CodedError({ code: "storage_full", message: `The store has no room (${said})`, place, remedy: "Free space in the store, or raise its quota; nothing was stored.", retryable: true });
  }
  if (status === 404 && code !== "NoSuchBucket" && code !== "NoSuchUpload") {
    return new CodedError({ code: "object_missing", message: "There is no such object", place, remedy: "Check the path, and whether the object was removed by a clean-up." });
  }
  const retryable = RETRIED.has(status) || status >= 500;
  return new CodedError({
    code: "storage_unavailable",
    message: status === 401 || status === 403 ? `The store refuses access (${said})` : `The store refused the request (${said})`,
    place,
    remedy: retryable ? "The same attempt may work again." : "Check the bucket, its endpoint and region, the key, and what the key may do.",
    retryable,
  });
}

function unreachable(place: string, error: unknown): CodedError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const said = cause instanceof Error ? ("code" in cause && typeof cause.code === "string" ? cause.code : cause.message) : String(cause);
  return new CodedError({ code: "storage_unavailable", message: `The store cannot be reached (${said})`, place, remedy: "Check AWS_ENDPOINT_URL_S3 and the network; the same attempt may work again.", retryable: true, cause: error });
}
