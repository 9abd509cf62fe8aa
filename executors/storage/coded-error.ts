/**
 * An error that a person can act on: a stable `code`, the `place` where it happened (a path, a table, a host; never
 * a secret or row content) and a `remedy`. `retryable` says whether the same attempt may work later without a change
 * by a person.
 */
export class CodedError extends Error {
  readonly code: string;
  readonly place: string;
  readonly remedy: string;
  readonly retryable: boolean;

  constructor(options: {
    code: string;
    message: string;
    place: string;
    remedy: string;
    retryable?: boolean;
    cause?: unknown;
  }) {
    super(`${options.message} (${options.place}). ${options.remedy}`, { cause: options.cause });
    this.name = "CodedError";
    this.code = options.code;
    this.place = options.place;
    this.remedy = options.remedy;
    this.retryable = options.retryable ?? false;
  }
}

/** The `code` of a system error such as `ENOENT`, or of a CodedError; null where there is none. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
