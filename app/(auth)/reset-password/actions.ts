"use server";

import { redirect } from "next/navigation";
import type { FormState } from "@/components/auth/account-form";
import { words } from "@/lib/messages/auth";
import { authProblem } from "@/lib/ops/auth-problem.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { textOf } from "../form-text.ts";
import { openedByLink } from "./opened-by-link.ts";

/** For the session that the mailed link opened, and no other: elsewhere the present password is asked. Ends every other session of the person. */
export async function resetPasswordAction(_before: FormState, form: FormData): Promise<FormState> {
  const db = await createSessionClient();
  const { data } = await db.auth.getClaims();
  if (!openedByLink(data?.claims.amr)) return { problem: words.resetPasswordActions.thisNeedsALink, done: null };
  const { error } = await db.auth.updateUser({ password: textOf(form, "password") });
  if (error !== null) return { problem: authProblem(error), done: null };
  await db.auth.signOut({ scope: "others" });
  redirect("/overview");
}
