"use server";

import { siteUrl } from "@/app/(auth)/site.ts";
import { confirmUrl } from "@/lib/confirm-url.ts";
import { textOf } from "@/app/(auth)/form-text.ts";
import type { FormState } from "@/components/auth/account-form";
import { uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { words } from "@/lib/messages/account";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { authProblem } from "@/lib/ops/auth-problem.ts";
import { revokeSession } from "@/lib/ops/sessions.ts";
import { createSessionClient, createVisitorClient } from "@/lib/supabase/server.ts";

/** Both addresses get a link; the new one holds when both were opened. */
export async function changeEmailAction(_before: FormState, form: FormData): Promise<FormState> {
  const email = textOf(form, "email").trim();
  const db = await createSessionClient();
  const { error } = await db.auth.updateUser({ email }, { emailRedirectTo: confirmUrl("/account", await siteUrl()) });
  // Told to everybody or to nobody: who else has an account or is invited, and the pause between mails, which would tell it as well.
  if (error !== null && error.code !== "email_exists" && error.code !== "over_email_send_rate_limit") return { problem: authProblem(error), done: null, email };
  return { problem: null, done: words.actions.unlessAnotherAccountHas(email), email };
}

/** Asks for the present password again: an unlocked browser is not enough. Other sessions end. */
export async function changePasswordAction(_before: FormState, form: FormData): Promise<FormState> {
  const db = await createSessionClient();
  const { data } = await db.auth.getUser();
  if (!data.user?.email) return { problem: words.actions.theSessionHasEndedSign, done: null };
  const probe = await createVisitorClient();
  const { error: wrong } = await probe.auth.signInWithPassword({ email: data.user.email, password: textOf(form, "current_password") });
  if (wrong !== null) return { problem: authProblem(wrong), done: null };
  await probe.auth.signOut({ scope: "local" });
  const { error } = await db.auth.updateUser({ password: textOf(form, "password") });
  if (error !== null) return { problem: authProblem(error), done: null };
  await db.auth.signOut({ scope: "others" });
  return { problem: null, done: words.actions.thePasswordIsChanged };
}

export async function revokeSessionAction(sessionId: string): Promise<Outcome<void>> {
  return attempt(async () => revokeSession(await createSessionClient(), uuid.parse(sessionId)));
}

export async function endOtherSessionsAction(): Promise<Outcome<void>> {
  return attempt(async () => {
    const { error } = await (await createSessionClient()).auth.signOut({ scope: "others" });
    if (error !== null) throw new ControlRoomError("internal", undefined, { cause: error });
  });
}
