import "server-only";
import { headers } from "next/headers";
import { env } from "@/lib/env.ts";

/** The page of this site to which a mailed link leads. Next refuses an action whose Origin is not its host, so this one is ours. */
export async function confirmUrl(next: string): Promise<string> {
  const url = new URL("/auth/confirm", env().APP_URL ?? (await headers()).get("origin") ?? undefined);
  url.searchParams.set("next", next);
  return url.href;
}
