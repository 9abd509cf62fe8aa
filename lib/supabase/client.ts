import { createServerClient, type CookieMethodsServer } from "@supabase/ssr";
import { createClient, type RealtimeClientOptions } from "@supabase/supabase-js";
import { createHash } from "node:crypto";
import ws from "ws";
import { env, isHosted, required } from "@/lib/env.ts";
import { askSupabase, supabaseFetch, type Answered } from "./fetch.ts";

const headers = { "X-Client-Info": "lakehouse-control-room" };
const shared = {
  // Retries belong to the caller, who is told 503 with Retry-After at once.
  db: { schema: "ops", retry: false },
  // Node 20 has no WebSocket of its own, and the client refuses to start without one.
  realtime: { transport: (globalThis.WebSocket ?? ws) as unknown as NonNullable<RealtimeClientOptions["transport"]> },
} as const;
const stateless = { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false } as const;

/** For an API token (`lct_…`), an executor (`lcx_…`) or the scheduler's secret: SQL reads it from the header. */
export function createTokenClient(token: string): Db {
  return kept(`token ${token}`, { "x-control-room-token": token }, () => tokenClient(token));
}

function tokenClient(token: string) {
  return createClient(required("SUPABASE_URL"), required("SUPABASE_PUBLISHABLE_KEY"), {
    ...shared,
    auth: stateless,
    global: { fetch: supabaseFetch, headers: { ...headers, "x-control-room-token": token } },
  });
}

/** For a user's access token (JWT); PostgREST verifies it at every call. */
export function createUserClient(accessToken: string): Db {
  return kept(`user ${accessToken}`, { authorization: `Bearer ${accessToken}` }, () =>
    createClient(required("SUPABASE_URL"), required("SUPABASE_PUBLISHABLE_KEY"), {
      ...shared,
      auth: stateless,
      global: { fetch: supabaseFetch, headers: { ...headers, Authorization: `Bearer ${accessToken}` } },
    }));
}

/** A client of schema `ops` that acts for one principal; every operation of lib/ops takes it first. */
export type Db = ReturnType<typeof tokenClient>;

/**
 * Making a client takes 0.4–0.9 ms, as long as a small call: those of the last callers are kept. They hold nothing but
 * the token, which the database checks at every call, so a revoked one stops working at once.
 */
const clients = new Map<string, Db>();
const clientsKept = 1000;
const identities = new WeakMap<Db, Record<string, string>>();

/** Whether `askFunction` can act for this client: those that renew a session of cookies decide at each call who they are. */
export function asksForOne(db: Db): boolean {
  return identities.has(db);
}

/** A function of schema `ops`, answered with the bytes that PostgREST sent; past the gateway, where PostgREST's own address is known. */
export function askFunction(db: Db, name: string, args: unknown): Promise<Answered> {
  const identity = identities.get(db);
  if (identity === undefined) throw new Error("Only clients of one principal ask for bytes.");
  const direct = env().POSTGREST_URL;
  const url = direct === undefined ? new URL(`/rest/v1/rpc/${name}`, required("SUPABASE_URL")) : new URL(`rpc/${name}`, `${direct}/`);
  return askSupabase(url, {
    method: "POST", body: JSON.stringify(args),
    headers: { ...identity, ...(direct === undefined ? { apikey: required("SUPABASE_PUBLISHABLE_KEY") } : {}), "content-type": "application/json", "content-profile": "ops", "x-client-info": headers["X-Client-Info"] },
  });
}
/**
 * Whom a client acts for, one text for all sessions of a person: the token, or a JWT's subject. Only as true as the credential, which the
 * database proves at each call; for counting what was let in.
 */
export function principalOf(db: Db): string {
  const { authorization = "", "x-control-room-token": token } = identities.get(db) ?? {};
  if (token !== undefined) return token;
  try {
    return String((JSON.parse(Buffer.from(authorization.split(".")[1] ?? "", "base64url").toString()) as { sub?: unknown }).sub);
  } catch {
    return authorization;
  }
}

function kept(key: string, identity: Record<string, string>, make: () => Db): Db {
  const client = clients.get(key) ?? make();
  identities.set(client, identity);
  // A Map keeps the order of insertion: put back last, so that the first is the one unused longest.
  clients.delete(key);
  clients.set(key, client);
  const [oldest] = clients.keys();
  if (clients.size > clientsKept && oldest !== undefined) clients.delete(oldest);
  return client;
}

/** For nobody yet: to ask whether a password fits, or for a mailed link. Keeps no session; `more` are headers of every call. */
export function createPasswordClient(more: Record<string, string> = {}): Db {
  return createClient(required("SUPABASE_URL"), required("SUPABASE_PUBLISHABLE_KEY"), { ...shared, auth: stateless, global: { fetch: supabaseFetch, headers: { ...headers, ...more } } });
}

/** One cookie per control room: cookies ignore the port, and two of them may run on one machine. */
export function sessionCookieName(): string {
  return `control-room-${createHash("sha256").update(required("SUPABASE_URL")).digest("hex").slice(0, 8)}`;
}

/** Whether browsers reach this control room by https only. */
export function cookiesAreSecure(): boolean {
  return env().APP_URL?.startsWith("https:") ?? isHosted();
}

/** The session kept in HttpOnly cookies, wherever these are read and written; `more` are headers of every call. */
export function createCookieClient(cookies: CookieMethodsServer, more: Record<string, string> = {}) {
  return createServerClient(required("SUPABASE_URL"), required("SUPABASE_PUBLISHABLE_KEY"), {
    ...shared,
    cookies,
    global: { fetch: supabaseFetch, headers: { ...headers, ...more } },
    cookieOptions: {
      name: sessionCookieName(),
      httpOnly: true,
      sameSite: "lax",
      secure: cookiesAreSecure(),
      path: "/",
    },
  });
}
