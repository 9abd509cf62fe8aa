import { createHash, timingSafeEqual } from "node:crypto";
import { parseCookieHeader, serializeCookieHeader } from "@supabase/ssr";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Access } from "@/contracts/http.ts";
import { required } from "@/lib/env.ts";
import { createCookieClient, createTokenClient, createUserClient, sessionCookieName, type Db } from "@/lib/supabase/client.ts";
import { changesNothing, refuseOtherOrigins } from "./origin.ts";
import { limitCalls } from "./rate-limit.ts";

/** Who calls, as far as the web app can tell: SQL proves it at every statement. */
export interface Caller {
  via: "nobody" | "token" | "bearer" | "session" | "scheduler";
  db: Db;
  /** Set-Cookie headers of a session that was refreshed on the way. */
  setCookies: string[];
}

const opaqueToken = /^lc[tx]_[A-Za-z0-9_-]{43}$/;
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Throws `unauthenticated`, `token_invalid`, `origin_refused`, `rate_limited`, `database_unavailable`, `not_configured`. */
export async function authenticate(request: Request, access: Access): Promise<Caller> {
  const authorization = request.headers.get("authorization");
  const bearer = authorization === null ? null : (/^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "");
  if (access === "scheduler") return scheduler(bearer);
  // The service speaks for itself: the same answer for everybody, whatever they send.
  if (access === "public") return { via: "nobody", setCookies: [], get db() { return createTokenClient(required("CRON_SECRET")); } };
  if (bearer === null) return session(request);
  limitCalls(bearer);
  if (opaqueToken.test(bearer)) return { via: "token", db: createTokenClient(bearer), setCookies: [] };
  if (jwt.test(bearer)) return { via: "bearer", db: createUserClient(bearer), setCookies: [] };
  throw new ControlRoomError("token_invalid", "The Authorization header holds no token of a known form (Bearer lct_…, lcx_… or a JWT).");
}

function scheduler(bearer: string | null): Caller {
  const secret = required("CRON_SECRET");
  if (bearer === null) throw new ControlRoomError("unauthenticated", "This call needs Authorization: Bearer CRON_SECRET.");
  // Digests have one length, so the comparison takes one time whatever was sent.
  const digest = (value: string): Buffer => createHash("sha256").update(value).digest();
  if (!timingSafeEqual(digest(bearer), digest(secret))) throw new ControlRoomError("token_invalid", "This is not the scheduler's secret.");
  return { via: "scheduler", db: createTokenClient(secret), setCookies: [] };
}

async function session(request: Request): Promise<Caller> {
  const cookies = parseCookieHeader(request.headers.get("cookie") ?? "");
  const name = sessionCookieName();
  if (!cookies.some((cookie) => cookie.name === name || cookie.name.startsWith(`${name}.`))) throw new ControlRoomError("unauthenticated");
  if (!changesNothing(request)) refuseOtherOrigins(request);
  const setCookies: string[] = [];
  const client = createCookieClient({
    getAll: () => cookies.map(({ name: key, value }) => ({ name: key, value: value ?? "" })),
    setAll: (changed) => {
      for (const { name: key, value, options } of changed) setCookies.push(serializeCookieHeader(key, value, options));
    },
  });
  const { data, error } = await client.auth.getSession();
  if (error?.name === "AuthRetryableFetchError") throw new ControlRoomError("database_unavailable", "The session cannot be renewed now.", { cause: error, retryAfterSeconds: 1 });
  if (data.session === null) throw new ControlRoomError("unauthenticated", "The session has ended.");
  limitCalls(data.session.access_token);
  // A plain client from here on: a long stream must never renew a session whose cookies it can no longer set.
  return { via: "session", db: createUserClient(data.session.access_token), setCookies };
}
