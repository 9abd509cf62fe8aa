import "server-only";
import { refusedUrl as refused, sendOutbound } from "@/executors/sources/outbound.ts";
import { env } from "@/lib/env.ts";

/** Why no webhook may go to this URL, as far as it says itself; null where only its DNS name can tell. */
export function refusedUrl(text: string): string | null {
  return refused(text, env().CONTROL_ROOM_OUTBOUND_ALLOW);
}

/**
 * Posts a body and answers the HTTP status; reads nothing of the answer. Throws an Error whose message may be shown: it never
 * holds the URL.
 */
export async function post(target: string, headers: Record<string, string>, body: string, timeout_ms = 10_000): Promise<number> {
  const answer = await sendOutbound(target, {
    method: "POST", headers: { "content-type": "application/json", ...headers }, body, timeout_ms, max_bytes: 0, allow: env().CONTROL_ROOM_OUTBOUND_ALLOW,
  });
  return answer.status;
}
