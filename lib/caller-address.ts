import { isIP } from "node:net";
import { callerHeader, sayCaller } from "@/contracts/caller-address.ts";
import { env } from "@/lib/env.ts";

/**
 * Whose address a request came from, as the nearest of `proxies` that we trust saw it: each appends the one that it saw, and what stands
 * before those is the caller's own word. Null without a proxy: Next shows no socket, and lets a caller send the header.
 */
export function callerAddress(headers: Headers, proxies: number): string | null {
  const seen = headers.get("x-forwarded-for")?.split(",").map((each) => each.trim()) ?? [];
  const address = proxies === 0 ? undefined : seen.at(-proxies);
  return address !== undefined && isIP(address) > 0 ? address : null;
}

/** What the embedded auth server counts a caller by. Nothing for a Supabase elsewhere, which sees us alone. */
export function callerHeaders(headers: Headers): Record<string, string> {
  const { SUPABASE_URL, CRON_SECRET, TRUSTED_PROXIES } = env();
  const address = SUPABASE_URL?.startsWith("http:") === true ? callerAddress(headers, TRUSTED_PROXIES) : null;
  return address === null || CRON_SECRET === undefined ? {} : { [callerHeader]: sayCaller(address, CRON_SECRET) };
}
