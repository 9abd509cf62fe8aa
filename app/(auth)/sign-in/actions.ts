"use server";

import { redirect } from "next/navigation";
import { log } from "@/lib/log.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";
import type { SignInState } from "@/components/auth/sign-in-form";
import { textOf } from "../form-text.ts";
import { safeNextPath } from "./next-path.ts";

/** Signs in with e-mail and password; answers what went wrong, or goes to `next`. */
export async function signInAction(_before: SignInState, form: FormData): Promise<SignInState> {
  const email = textOf(form, "email").trim();
  const password = textOf(form, "password");
  const next = safeNextPath(textOf(form, "next") || undefined);
  if (email === "" || password === "") return { email, problem: email === "" ? "email_missing" : "password_missing" };
  const problem = await signIn(email, password);
  if (problem !== null) return { email, problem };
  redirect(next);
}

async function signIn(email: string, password: string): Promise<SignInState["problem"]> {
  try {
    const db = await createSessionClient();
    const { error } = await db.auth.signInWithPassword({ email, password });
    if (error === null) return null;
    if (error.status === 429 || error.code === "over_request_rate_limit") return "rate_limited";
    if (error.code === "invalid_credentials" || error.code === "validation_failed" || error.status === 400) return "wrong";
    if (error.code === "email_not_confirmed") return "not_confirmed";
    if (error.code === "user_banned") return "banned";
    log.error({ err: error }, "a sign-in failed");
  } catch (error) {
    log.error({ err: error }, "a sign-in failed");
  }
  return "unavailable";
}
