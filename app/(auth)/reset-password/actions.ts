"use server";

import { redirect } from "next/navigation";
import type { FormState } from "@/components/auth/account-form";
import { authProblem } from "@/lib/ops/auth-problem.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { textOf } from "../form-text.ts";

/** For the session that the mailed link opened. Ends every other session of the person. */
export async function resetPasswordAction(_before: FormState, form: FormData): Promise<FormState> {
  const db = await createSessionClient();
  const { error } = await db.auth.updateUser({ password: textOf(form, "password") });
  if (error !== null) return { problem: authProblem(error), done: null };
  await db.auth.signOut({ scope: "others" });
  redirect("/overview");
}
