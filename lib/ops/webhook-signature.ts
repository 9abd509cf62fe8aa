import "server-only";
import { signText } from "./signing-key.ts";

/** The headers of one attempt, signed as v1a. https://www.standardwebhooks.com; `timestamp` in seconds. */
export function signedHeaders(id: string, body: string, timestamp = Math.floor(Date.now() / 1000)): Record<string, string> {
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": `v1a,${signText(`${id}.${timestamp}.${body}`)}` };
}
