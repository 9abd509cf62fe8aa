import type { z } from "zod";
import { ControlRoomError, errorCodes, problem, type ErrorCode, type ErrorPlace } from "../../contracts/error.ts";
import { backoffMs, sleep } from "./backoff.ts";
import { LeaseLost } from "./errors.ts";

/** Nobody answered, or what answered is not a control room. Worth another try later. */
export class Unreachable extends Error {
  readonly code = "control_room_unreachable";
  constructor(url: string, why: string, options?: ErrorOptions) {
    super(`${url} ${why}; check CONTROL_ROOM_URL and that the control room runs`, options);
    this.name = "Unreachable";
  }
}

export interface RetrySettings {
  /** Calls in all, the first included. */
  attempts: number;
  base_ms: number;
  cap_ms: number;
}
/** About twenty seconds in all: longer than a restart of the control room takes. */
export const patientRetry: RetrySettings = { attempts: 10, base_ms: 200, cap_ms: 5_000 };
export const noRetry: RetrySettings = { attempts: 1, base_ms: 0, cap_ms: 0 };
/** A Retry-After that is longer ends the retries: whoever called decides. */
const longestRetryAfterMs = 60_000;

export interface RemoteCall<T> {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers: Record<string, string>;
  /** Called for each try: a stream can be sent once only. */
  body?: () => string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  timeout_ms: number;
  signal?: AbortSignal;
  /** Only for calls whose repeat changes nothing. */
  retry: RetrySettings;
  answer: (response: Response) => Promise<T>;
  /** The caller holds a lease: its end, or the run's, is LeaseLost. */
  leased?: boolean;
}

/**
 * One call with a timeout per try, and retries with full jitter on network errors, 429, 502, 503 and 504 (Retry-After
 * is honoured). Throws ControlRoomError with the answered code, LeaseLost where a leased call is answered lease_lost or
 * run_finished, or Unreachable; the signal's reason when it aborts.
 */
export async function remoteCall<T>(call: RemoteCall<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    call.signal?.throwIfAborted();
    try {
      return await tryOnce(call);
    } catch (error) {
      call.signal?.throwIfAborted();
      const wait = attempt < call.retry.attempts ? retryAfterMs(error, attempt, call.retry) : null;
      if (wait === null) throw error;
      await sleep(wait, call.signal);
    }
  }
}

/** How long to wait before trying again; null where it would not help. */
export function retryAfterMs(error: unknown, attempt: number, retry: RetrySettings): number | null {
  const backoff = backoffMs(attempt, retry);
  if (error instanceof Unreachable) return backoff;
  if (!(error instanceof ControlRoomError) || (error.status !== 429 && error.status !== 503)) return null;
  const asked = (error.retryAfterSeconds ?? 0) * 1000;
  // Whatever is asked for, callers do not come back in one wave.
  return asked > longestRetryAfterMs ? null : asked + backoff;
}

/** A stream that may be redirected, or asked for a password, is kept whole in memory while it is sent (Fetch, 4.5, "clone a request"). */
const oneWay: object = { duplex: "half", redirect: "error", window: null };

async function tryOnce<T>(call: RemoteCall<T>): Promise<T> {
  // It takes whole milliseconds only.
  const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(call.timeout_ms)));
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
  const body = call.body?.();
  const place = call.url.split("?")[0] ?? call.url;
  try {
    const response = await fetch(call.url, {
      method: call.method, headers: call.headers, signal, redirect: "follow",
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? oneWay : {}),
    });
    if (!response.ok) throw leaseError(await errorOf(response, place), call.leased ?? false);
    return await call.answer(response);
  } catch (error) {
    if (error instanceof ControlRoomError || error instanceof LeaseLost || error instanceof Unreachable) throw error;
    if (call.signal?.aborted === true) throw call.signal.reason;
    if (timeout.aborted) throw new Unreachable(place, `gave no answer within ${call.timeout_ms} ms`, { cause: error });
    throw new Unreachable(place, `cannot be reached (${reasonOf(error)})`, { cause: error });
  }
}

/** Reads and checks a JSON answer. What does not fit the contract is another kind of server: Unreachable. */
export function jsonAnswer<S extends z.ZodType>(schema: S): (response: Response) => Promise<z.output<S>> {
  return async (response) => {
    const text = await response.text();
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new Unreachable(response.url.split("?")[0] ?? "", "answered something that is not JSON", { cause: error });
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const first = parsed.error.issues[0];
    throw new ControlRoomError("internal", `The control room's answer does not fit the contract: ${first?.path.join(".") ?? ""} ${first?.message ?? ""}. Its version and this program's differ.`);
  };
}

/** SQLSTATEs that say nothing of the request: connection lost, shut down, crashed, starting, too busy, deadlock, timeout. */
const databaseAway = /^(08...|57P0[1-3]|57014|55P03|40P01|40001|53300)$/;
/** PostgREST's form without a word in it: the connection broke before the database could say anything. */
const isSpeechless = (code: unknown, message: unknown): boolean => code === "" && message === "";

/** The error in an answer: problem+json of /api/v1, or PostgREST's { code: PTnnn, message: our code, details, hint }. */
export async function errorOf(response: Response, place: string): Promise<ControlRoomError> {
  const seconds = retryAfterSeconds(response.headers.get("retry-after"));
  const retry = seconds === undefined ? {} : { retryAfterSeconds: seconds };
  const text = (await response.text()).slice(0, 100_000);
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: a proxy's page, judged by its status below.
  }
  const known = problem.safeParse(value);
  if (known.success) return errorFor(known.data.code, known.data.detail, known.data.errors, retry);
  const { code, message, details, hint } = (value !== null && typeof value === "object" ? value : {}) as Record<string, unknown>;
  if (typeof message === "string" && (errorCodes as string[]).includes(message)) {
    return errorFor(message as ErrorCode, [details, hint].filter((part) => typeof part === "string" && part !== "").join(" "), [], retry);
  }
  // PostgREST answers 400 to a statement that the database's end interrupted.
  if ((typeof code === "string" && databaseAway.test(code)) || isSpeechless(code, message)) return new ControlRoomError("database_unavailable", `${place}: ${String(code)}`, retry);
  const detail = `${place} answered ${response.status}${typeof message === "string" ? `: ${message.slice(0, 500)}` : ""}`;
  switch (response.status) {
    case 401: return new ControlRoomError("token_invalid", detail);
    case 403: return new ControlRoomError("forbidden", detail);
    case 404: return new ControlRoomError("not_found", detail);
    case 413: return new ControlRoomError("payload_too_large", detail);
    case 429: return new ControlRoomError("rate_limited", detail, retry);
    case 502: case 503: case 504: return new ControlRoomError("database_unavailable", detail, retry);
    case 507: return new ControlRoomError("storage_full", detail);
    default: return new ControlRoomError(response.status < 500 ? "invalid_input" : "internal", detail);
  }
}

function leaseError(error: ControlRoomError, leased: boolean): Error {
  return leased && (error.code === "lease_lost" || error.code === "run_finished") ? new LeaseLost(`${error.code}: ${error.message}`, { cause: error }) : error;
}

function errorFor(code: ErrorCode, detail: string, errors: ErrorPlace[], options: { retryAfterSeconds?: number }): ControlRoomError {
  return new ControlRoomError(code, detail === "" ? undefined : detail, { errors, ...options });
}

/** Retry-After in seconds: a number, or a date (RFC 9110). */
export function retryAfterSeconds(value: string | null, now: number = Date.now()): number | undefined {
  if (value === null || value.trim() === "") return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : (Date.parse(value) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function reasonOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause ?? error : error;
  if (cause instanceof Error) return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  return String(cause);
}
