import { createHash } from "node:crypto";
import { ControlRoomError } from "@/contracts/error.ts";
import { env } from "@/lib/env.ts";

/** How many seconds' worth of calls may come at once. */
const burstSeconds = 10;
const mostKept = 10_000;
const longestKept = 64;

/**
 * When each caller's next call would come, were they evenly spaced (ms): GCRA, ITU-T I.371. Of this process, whose time it shares
 * out between callers; over all processes and doors the database limits (supabase/schemas/12_call_rates.sql).
 */
const arrivals = new Map<string, number>();

/** Counts a call of whoever sent this credential, whether or not it is a good one. Throws `rate_limited`. */
export function limitCalls(sent: string, now = performance.now(), perSecond = env().API_CALLS_PER_SECOND): void {
  // What nobody has looked at yet may be 16 kB long, and is kept.
  const credential = sent.length > longestKept ? createHash("sha256").update(sent).digest("base64url") : sent;
  const spacing = 1000 / perSecond;
  const due = Math.max(arrivals.get(credential) ?? 0, now);
  const wait = due + spacing - now - burstSeconds * 1000;
  // Deleted first: a Map keeps the order of insertion, here of the last call.
  arrivals.delete(credential);
  arrivals.set(credential, wait > 0 ? due : due + spacing);
  if (arrivals.size > 2 * mostKept) forgetSome(now);
  if (wait > 0) throw new ControlRoomError("rate_limited", "You made more calls than one may.", { retryAfterSeconds: wait / 1000 });
}

/** First those that say nothing any more, then those that called least recently: memory stays bounded. */
function forgetSome(now: number): void {
  for (const [credential, arrival] of arrivals) if (arrival <= now) arrivals.delete(credential);
  for (const credential of arrivals.keys()) {
    if (arrivals.size <= mostKept) break;
    arrivals.delete(credential);
  }
}
