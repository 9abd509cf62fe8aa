/**
 * Errors as GoTrue answers them. A client that sends `x-supabase-api-version: 2024-01-01` or later gets
 * `{code, message}`; any other gets `{code: status, error_code, msg}`. Both carry the header `x-sb-error-code`.
 */
import type { AuthResponse } from './context.ts';

/** An answer of 4xx or 5xx. `details` are further members of the body, such as `weak_password`. */
export class AuthError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;
  /** Seconds, for the header `Retry-After`. */
  readonly retry_after: number | null;

  constructor(status: number, code: string, message: string, details: Record<string, unknown> = {}, retry_after: number | null = null) {
    super(message);
    this.name = 'AuthError';
    this.status = status;
    this.code = code;
    this.details = details;
    this.retry_after = retry_after;
  }
}

const VERSIONED_SINCE = '2024-01-01';

/** Body and headers for an error, in the shape that the caller's API version asks for. */
export function errorResponse(error: AuthError, api_version: string | null): AuthResponse {
  const versioned = api_version !== null && /^\d{4}-\d{2}-\d{2}$/.test(api_version) && api_version >= VERSIONED_SINCE;
  const headers: Record<string, string> = {};
  // GoTrue leaves the header out for weak passwords; clients read the body there.
  if (error.code !== 'weak_password') headers['x-sb-error-code'] = error.code;
  if (versioned) headers['x-supabase-api-version'] = VERSIONED_SINCE;
  if (error.retry_after !== null) headers['retry-after'] = String(error.retry_after);
  const body = versioned
    ? { code: error.code, message: error.message, ...error.details }
    : { code: error.status, error_code: error.code, msg: error.message, ...error.details };
  return { status: error.status, body, headers };
}

/** SQLSTATEs that the text of a request causes: a NUL byte or a lone surrogate in a string, a value too long. */
const CALLER_STATES = new Set(['22021', '22P05', '22P02', '22001']);

/** SQLSTATEs (classes or whole codes) and socket errors after which the same request may succeed. */
const TRANSIENT = /^(08|53|57P0|ECONN|EPIPE|ENOTFOUND|ETIMEDOUT)/;

/** Turns whatever a handler threw into an AuthError; anything unforeseen is a 500 without inner text. */
export function asAuthError(thrown: unknown): AuthError {
  if (thrown instanceof AuthError) return thrown;
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : '';
  if (CALLER_STATES.has(code)) {
    return new AuthError(400, 'validation_failed', 'A value holds characters or a length that cannot be stored');
  }
  // Two requests raced for one e-mail; each had checked before the other stored it.
  if (code === '23505') return new AuthError(422, 'email_exists', 'A user with this email address has already been registered');
  if (code === '57014') return new AuthError(504, 'request_timeout', 'Processing this request timed out, please retry');
  if (TRANSIENT.test(code) || (thrown instanceof Error && /timeout exceeded when trying to connect|Connection terminated|Query read timeout/.test(thrown.message))) {
    return new AuthError(503, 'unexpected_failure', 'The auth database cannot be reached; retry in a moment');
  }
  return new AuthError(500, 'unexpected_failure', 'Unexpected failure, please check the gateway log for more information');
}
