import { ControlRoomError } from "@/contracts/error.ts";
import { env } from "@/lib/env.ts";

/** Streams that each principal has open on this process. */
const open = new Map<string, number>();
const retryAfterSeconds = 5;

/**
 * Counts one stream of a principal, until what this answers is called (again does nothing). Limits on calls do not see that a stream stays: a
 * few calls a second would hold every socket. Throws `rate_limited`.
 */
export function openStream(principal: string, most = env().API_STREAMS): () => void {
  const now = open.get(principal) ?? 0;
  if (now >= most) throw new ControlRoomError("rate_limited", `You have ${most} streams open. Close one.`, { retryAfterSeconds });
  open.set(principal, now + 1);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    const left = (open.get(principal) ?? 1) - 1;
    if (left === 0) open.delete(principal);
    else open.set(principal, left);
  };
}
