import { ControlRoomError, errorCatalogue, type ErrorCode, type Problem } from "@/contracts/error.ts";
import { jsonResponse } from "./json-response.ts";

export const problemType = "application/problem+json";

/** The body of a problem (RFC 9457) for a code: what is wrong here, then what to do. */
export function problemBody(error: ControlRoomError, requestId: string): Problem {
  const { status, title, remedy } = errorCatalogue[error.code];
  const own = error.cause as { hint?: unknown } | undefined;
  // SQL may bring a remedy of its own (its hint), which then stands in the message already.
  const hasRemedy = typeof own?.hint === "string" && own.hint !== "" && error.message.endsWith(own.hint);
  const detail = hasRemedy || error.message.endsWith(remedy) ? error.message : `${error.message} ${remedy}`;
  return { type: "about:blank", title, status, code: error.code, detail, errors: error.errors, request_id: requestId };
}

/** An answer of application/problem+json, never cached, that names the request. */
export function problemResponse(error: ControlRoomError, requestId: string, extra: HeadersInit = {}): Response {
  const headers = new Headers(extra);
  headers.set("X-Request-Id", requestId);
  if (error.status === 401) headers.set("WWW-Authenticate", 'Bearer realm="control-room"');
  const retryAfter = error.retryAfterSeconds ?? defaultRetryAfter[error.code];
  if (retryAfter !== undefined) headers.set("Retry-After", String(Math.max(1, Math.ceil(retryAfter))));
  return jsonResponse(JSON.stringify(problemBody(error, requestId)), { status: error.status, headers, type: problemType });
}

const defaultRetryAfter: Partial<Record<ErrorCode, number>> = { database_unavailable: 1, storage_unavailable: 5, rate_limited: 1 };
