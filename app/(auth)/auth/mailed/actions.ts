"use server";

import { redirect } from "next/navigation";
import type { FormState } from "@/components/auth/account-form";
import { words } from "@/lib/messages/auth";
import { authProblem } from "@/lib/ops/auth-problem.ts";
import { createSessionClient, createVisitorClient } from "@/lib/supabase/server.ts";
import { textOf } from "../../form-text.ts";
import { safeNextPath } from "../../sign-in/next-path.ts";
import { isLinkType } from "./link-type.ts";

/** Uses the link up, and signs this browser in if the link is that of the address to which the person agreed. A change of address signs nobody in. */
export async function openMailedLinkAction(_before: FormState, form: FormData): Promise<FormState> {
  const type = textOf(form, "type");
  if (!isLinkType(type)) redirect("/forgot-password?problem=link");
  const email = textOf(form, "email").trim();
  const link = await createVisitorClient();
  const { data, error } = await link.auth.verifyOtp({ token_hash: textOf(form, "token_hash"), type });
  if (error !== null) return { problem: authProblem(error), done: null, email };
  if (type === "email_change") {
    if (data.session !== null) await link.auth.signOut({ scope: "local" });
    redirect(data.session === null ? "/account?changed=half" : "/account?changed=email");
  }
  if (data.session === null || data.user?.email !== email.toLowerCase()) {
    await link.auth.signOut({ scope: "local" });
    return { problem: words.mailedActions.theLinkWasSent, done: null, email };
  }
  const { error: unkept } = await (await createSessionClient()).auth.setSession(data.session);
  if (unkept !== null) return { problem: authProblem(unkept), done: null, email };
  redirect(safeNextPath(textOf(form, "next") || undefined));
}
