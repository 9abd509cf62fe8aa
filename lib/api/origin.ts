import { ControlRoomError } from "@/contracts/error.ts";
import { env } from "@/lib/env.ts";

/** RFC 9110, 9.2.1. */
export function changesNothing({ method }: Request): boolean {
  return ["GET", "HEAD", "OPTIONS"].includes(method);
}

/** A cookie travels with requests that another site causes; its Origin header cannot be forged by that site. */
export function refuseOtherOrigins(request: Request): void {
  const origin = request.headers.get("origin");
  if (origin === null) {
    if (request.headers.get("sec-fetch-site") === "same-origin") return;
    throw new ControlRoomError("origin_refused", "A call with a session cookie needs an Origin header.");
  }
  const host = URL.canParse(origin) ? new URL(origin).host : null;
  const appUrl = env().APP_URL;
  if (host !== null && host === request.headers.get("host")) return;
  if (appUrl !== undefined && origin === new URL(appUrl).origin) return;
  throw new ControlRoomError("origin_refused");
}
