import { env } from "@/lib/env.ts";

/** The page of this site to which a mailed link leads, on its way to `next`. `site` is where the caller reached us; APP_URL, where it is set, is what everybody reaches. */
export function confirmUrl(next: string, site: string): string {
  const url = new URL("/auth/confirm", env().APP_URL ?? site);
  url.searchParams.set("next", next);
  return url.href;
}
