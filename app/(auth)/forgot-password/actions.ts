"use server";

import type { FormState } from "@/components/auth/account-form";
import { authProblem } from "@/lib/ops/auth-problem.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { textOf } from "../form-text.ts";
import { siteUrl } from "../site.ts";
import { confirmUrl } from "@/lib/confirm-url.ts";
import { words } from "@/lib/messages/auth";

/** The answer is the same whether or not there is such an account. */
export async function forgotPasswordAction(_before: FormState, form: FormData): Promise<FormState> {
  const email = textOf(form, "email").trim();
  const db = await createSessionClient();
  const { error } = await db.auth.resetPasswordForEmail(email, { redirectTo: confirmUrl("/reset-password", await siteUrl()) });
  // Told to everybody or to nobody: a pause between mails exists only for known addresses.
  if (error !== null && error.code !== "over_email_send_rate_limit") return { problem: authProblem(error), done: null, email };
  return { problem: null, done: words.forgotPasswordActions.ifThereIsAnAccount, email };
}
