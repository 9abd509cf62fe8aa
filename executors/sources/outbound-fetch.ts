import { Readable } from "node:stream";
import { openOutbound, type OutboundStreamRequest } from "./outbound.ts";

/** Statuses whose answers have no body, as a Response insists. */
const EMPTY = new Set([101, 204, 205, 304]);

/**
 * What `fetch` is to a client of ours (s3Client), by the checked way out: no redirects, no address that is not public or allowed. The
 * body of a request is text or bytes.
 */
export function outboundFetch(limits: Pick<OutboundStreamRequest, "allow" | "answer_ms" | "idle_ms" | "signal">): typeof fetch {
  return async (input, init = {}) => {
    const method = init.method ?? "GET";
    const signals = [limits.signal, init.signal].filter((signal) => signal !== undefined && signal !== null);
    const { status, headers, body } = await openOutbound(input instanceof Request ? input.url : String(input), {
      ...limits, method, headers: Object.fromEntries(new Headers(init.headers)), ...(init.body ? { body: init.body as string | Uint8Array } : {}), ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    });
    const empty = method === "HEAD" || EMPTY.has(status);
    if (empty) body.destroy();
    const pairs = Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map((each): [string, string] => [name, each]));
    return new Response(empty ? null : (Readable.toWeb(body) as unknown as ConstructorParameters<typeof Response>[0]), { status, headers: pairs });
  };
}
