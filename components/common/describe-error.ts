type Described = { message?: string; code?: string; requestId?: string };

/**
 * What an error boundary may show. In production Next hides the message of a server error and leaves a `digest`, which
 * is found again in the server's log: it stands in for the request id.
 */
export function describeError(error: unknown): Described {
  if (!(error instanceof Error)) return {};
  const digest = "digest" in error && typeof error.digest === "string" ? error.digest : undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return { message: digest ? undefined : error.message, code, requestId: digest };
}
