"use server";

import { redirect } from "next/navigation";
import { createSessionClient } from "@/lib/supabase/server.ts";

/** Ends this session, on this machine only. */
export async function signOutAction(): Promise<void> {
  const db = await createSessionClient();
  // Also where the auth server does not answer, the cookies are gone and the person is out here.
  await db.auth.signOut({ scope: "local" });
  redirect("/sign-in");
}
