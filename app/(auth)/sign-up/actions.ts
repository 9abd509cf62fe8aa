"use server";

import { redirect } from "next/navigation";
import type { FormState } from "@/components/auth/account-form";
import { authProblem } from "@/lib/ops/auth-problem.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { textOf } from "../form-text.ts";
import { safeNextPath } from "../sign-in/next-path.ts";
import { siteUrl } from "../site.ts";
import { invitationToken } from "./invitation-token.ts";
import { confirmUrl } from "@/lib/confirm-url.ts";
import { words } from "@/lib/messages/auth";

/** Makes an account, for the address that the invitation in `next` names; where the auth server confirms addresses first, says so, else goes to `next`. It sees nothing before it is a member. */
export async function signUpAction(_before: FormState, form: FormData): Promise<FormState> {
  const email = textOf(form, "email").trim();
  const next = safeNextPath(textOf(form, "next") || undefined);
  const db = await createSessionClient();
  const { data, error } = await db.auth.signUp({
    email, password: textOf(form, "password"),
    options: { emailRedirectTo: confirmUrl(next, await siteUrl()), data: { invitation_token: invitationToken(next) ?? undefined } },
  });
  if (error !== null) return { problem: authProblem(error), done: null, email };
  if (data.session === null) return { problem: null, done: words.signUpActions.openTheLinkThatWas, email };
  redirect(next);
}
