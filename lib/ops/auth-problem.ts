import "server-only";
import { AuthError } from "@supabase/supabase-js";
import { log } from "@/lib/log.ts";

/** The same for every address, so that it tells nobody who is invited or has an account. */
const signUpClosed = "A new account needs the link of an invitation, and the address that it was made for. Ask an admin for one.";

/** What people are told, by the auth server's code: https://supabase.com/docs/guides/auth/debugging/error-codes */
const sentences: Record<string, string> = {
  invalid_credentials: "The password is wrong.",
  weak_password: "The password is too weak. Take a longer one.",
  same_password: "This is the password that you have. Take another one.",
  user_already_exists: "There is an account with this address. Sign in instead.",
  email_exists: "There is an account with this address.",
  email_address_invalid: "This is not an e-mail address.",
  validation_failed: "This is not an e-mail address, or the password is missing.",
  signup_disabled: signUpClosed,
  email_not_confirmed: "The address is not confirmed yet. Open the link that was sent to it.",
  otp_expired: "The link is used or expired. Ask for a new one.",
  session_not_found: "The session has ended. Sign in again.",
  over_email_send_rate_limit: "A mail was sent a moment ago. Wait a minute, then try again.",
  over_request_rate_limit: "Too many attempts. Wait a minute, then try again.",
  reauthentication_needed: "Sign in again first.",
};

/** One sentence for an error of the auth server; the unforeseen goes to the log. */
export function authProblem(error: unknown): string {
  const code = error instanceof AuthError ? error.code : undefined;
  const known = code === undefined ? undefined : sentences[code];
  if (known !== undefined) return known;
  // The hook before a user is created refuses with a status alone, on a hosted project.
  if (error instanceof AuthError && error.status === 403 && code === undefined) return signUpClosed;
  if (error instanceof AuthError && error.status === 429) return sentences.over_request_rate_limit as string;
  log.error({ err: error }, "the auth server refused");
  return "The sign-in service does not answer. Try again in a moment.";
}
