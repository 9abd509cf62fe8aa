import type { EmailOtpType } from "@supabase/supabase-js";
import { redirect } from "next/navigation";
import type { NextRequest } from "next/server";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { safeNextPath } from "../../sign-in/next-path.ts";

const types: ReadonlySet<string> = new Set(["signup", "invite", "magiclink", "recovery", "email_change", "email"] satisfies EmailOtpType[]);

/**
 * Where the links of mails lead: with a code (PKCE, which only the browser that asked can exchange) or, where the mail
 * templates of a Supabase project say so, with `token_hash` and `type`. The first of the two links of an e-mail change
 * comes with neither.
 */
export async function GET(request: NextRequest): Promise<never> {
  const query = request.nextUrl.searchParams;
  const next = safeNextPath(query.get("next") ?? undefined);
  const [code, token_hash, type] = [query.get("code"), query.get("token_hash"), query.get("type") ?? ""];
  const db = await createSessionClient();
  let opened = false;
  if (code !== null) opened = (await db.auth.exchangeCodeForSession(code)).error === null;
  else if (token_hash !== null && types.has(type)) opened = (await db.auth.verifyOtp({ token_hash, type: type as EmailOtpType })).error === null;
  else if (next === "/account" && !query.has("error")) redirect("/account?changed=half");
  if (next === "/account") redirect(opened ? "/account?changed=email" : "/account?changed=no");
  redirect(opened ? next : "/forgot-password?problem=link");
}
