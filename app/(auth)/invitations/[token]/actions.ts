"use server";

import { redirect } from "next/navigation";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { acceptInvitation } from "@/lib/ops/members.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

export async function acceptAction(token: string): Promise<Outcome<void>> {
  const outcome = await attempt(async () => {
    await acceptInvitation(await createSessionClient(), String(token).slice(0, 200));
  });
  if (outcome.ok) redirect("/o");
  return outcome;
}

/** Signs out, so that the invited address may sign in. */
export async function otherAccountAction(token: string): Promise<void> {
  await (await createSessionClient()).auth.signOut({ scope: "local" });
  redirect(`/sign-in?next=${encodeURIComponent(`/invitations/${String(token).slice(0, 200)}`)}`);
}
