import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

const current = new AsyncLocalStorage<string>();

/** The caller's own id where it sends a plain one, so that its log, ours and the audit log can be joined. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("x-request-id");
  return given !== null && /^[A-Za-z0-9._-]{1,100}$/.test(given) ? given : randomUUID();
}

/** Every call to the database within `work` carries the id. */
export function withRequestId<T>(id: string, work: () => T): T {
  return current.run(id, work);
}

/** Undefined outside of a request. */
export function currentRequestId(): string | undefined {
  return current.getStore();
}
