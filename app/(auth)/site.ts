import "server-only";
import { headers } from "next/headers";
import { env } from "@/lib/env.ts";

/** Where people reach the control room, in a server action: Next refuses one whose Origin is not its host, so this one is ours. */
export async function siteUrl(): Promise<string> {
  const site = env().APP_URL ?? (await headers()).get("origin");
  if (site === null) throw new Error("The action came without an Origin.");
  return site;
}

/** The page of this site to which a mailed link leads. */
export async function confirmUrl(next: string): Promise<string> {
  const url = new URL("/auth/confirm", await siteUrl());
  url.searchParams.set("next", next);
  return url.href;
}
