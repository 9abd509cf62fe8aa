/** Where to go after the sign-in: a path of this very site, whatever the address bar said; else the start. */
export function safeNextPath(wanted: string | undefined): string {
  if (wanted === undefined || !wanted.startsWith("/") || /[\\\u0000-\u001f]/.test(wanted)) return "/overview";
  const base = "http://control-room.invalid";
  const url = URL.canParse(wanted, base) ? new URL(wanted, base) : null;
  if (url === null || url.origin !== base || url.pathname.startsWith("//") || url.pathname === "/sign-in" || url.pathname.startsWith("/api/")) return "/overview";
  return url.pathname + url.search + url.hash;
}
