/** A failure of the stack that a person can act on: a stable code, what happened where, and what to do about it. */
export class StackError extends Error {
  readonly code: string;
  readonly remedy: string;

  constructor(code: string, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StackError';
    this.code = code;
    this.remedy = remedy;
  }
}

/** The text for a terminal, two lines: `message (code)` and the remedy. */
export function explain(error: unknown): string {
  if (error instanceof StackError) return `${error.message} (${error.code})\n  What to do: ${error.remedy}`;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}

/** `error.code` of Node's and PostgreSQL's errors (`ENOENT`, `28P01`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The message of whatever was thrown; an AggregateError (refused connections) has only an empty one of its own. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
