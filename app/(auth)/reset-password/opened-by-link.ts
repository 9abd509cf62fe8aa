/** As long as the link itself holds. */
const seconds = 3600;
/** The auth server's words for a mailed link or code. A session that a password opened has "password". */
const mailed: ReadonlySet<unknown> = new Set(["otp", "recovery", "magiclink", "invite", "email/signup"]);

/** Whether a mailed link opened this session within the last hour, by the claims of its token: a browser left open proves nothing. */
export function openedByLink(amr: unknown, now = Date.now()): boolean {
  if (!Array.isArray(amr)) return false;
  return amr.some((each: unknown) => {
    const { method, timestamp } = (each ?? {}) as { method?: unknown; timestamp?: unknown };
    return mailed.has(method) && typeof timestamp === "number" && now / 1000 - timestamp < seconds;
  });
}
