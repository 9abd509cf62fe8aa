import { redirect } from "next/navigation";
import type { NextRequest } from "next/server";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { safeNextPath } from "../../sign-in/next-path.ts";

/**
 * Where the links of mails lead: with a code (PKCE, which only the browser that asked can exchange) or with `token_hash` and `type`, which any
 * browser could use: whoever opens that one is asked first, or a link mailed to somebody else would sign in as them. The first of the two
 * links of an e-mail change comes with neither.
 */
export async function GET(request: NextRequest): Promise<never> {
  const query = request.nextUrl.searchParams;
  const next = safeNextPath(query.get("next") ?? undefined);
  const code = query.get("code");
  if (code === null && query.has("token_hash")) redirect(`/auth/mailed?${query}`);
  if (code === null && next === "/account" && !query.has("error")) redirect("/account?changed=half");
  const opened = code !== null && (await (await createSessionClient()).auth.exchangeCodeForSession(code)).error === null;
  if (next === "/account") redirect(opened ? "/account?changed=email" : "/account?changed=no");
  redirect(opened ? next : "/forgot-password?problem=link");
}
