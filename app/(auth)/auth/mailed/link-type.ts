import type { EmailOtpType } from "@supabase/supabase-js";

const types: ReadonlySet<string> = new Set(["signup", "invite", "magiclink", "recovery", "email_change", "email"] satisfies EmailOtpType[]);

export function isLinkType(type: string): type is EmailOtpType {
  return types.has(type);
}
