import "server-only";
import { headers } from "next/headers";

/** Where a server action was called: Next refuses one whose Origin is not its host, so this one is ours. */
export async function siteUrl(): Promise<string> {
  const site = (await headers()).get("origin");
  if (site === null) throw new Error("The action came without an Origin.");
  return site;
}
