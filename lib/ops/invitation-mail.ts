import "server-only";
import { confirmUrl } from "@/lib/confirm-url.ts";
import { log } from "@/lib/log.ts";
import { createPasswordClient } from "@/lib/supabase/client.ts";

export const invitationPath = (token: string): string => `/invitations/${token}`;

/**
 * Has the auth server mail a link that signs the invited address in and leads to the invitation: with the key that every browser
 * has, because the one that may invite may do everything; the invitation's token is what lets it make an account. `site` is where people reach the control room, unless APP_URL says so.
 * Answers whether the mail went out; an invitation stands without it, and its link can be passed on.
 */
export async function mailInvitation(email: string, token: string, site: string): Promise<boolean> {
  const { error } = await createPasswordClient().auth.signInWithOtp({ email, options: { shouldCreateUser: true, emailRedirectTo: confirmUrl(invitationPath(token), site), data: { invitation_token: token } } });
  if (error !== null) log.warn({ code: error.code ?? error.status }, "an invitation was not mailed");
  return error === null;
}
