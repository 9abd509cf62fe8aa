import type { Role } from "@/contracts/role";
import { atLeast } from "@/contracts/words";
import { messages } from "@/lib/messages";

export const roleNeeded = (role: Role): string => messages.form.needsRole(role);

/** Why somebody of this role may not do it; null: it may, as far as the page knows. The database decides. */
export function needsRole(held: Role | null, needed: Role): string | null {
  return held !== null && atLeast(held, needed) ? null : roleNeeded(needed);
}
