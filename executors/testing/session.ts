import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { raw, type Live } from "./live.ts";

export interface User {
  user_id: string;
  email: string;
  password: string;
}
export interface Session extends User {
  access_token: string;
  /** The Cookie header of a browser that is signed in. */
  cookie: string;
}

/** A person without any membership, made as an admin of the auth server makes one. */
export async function aUser(live: Live, email: string): Promise<User> {
  const password = randomBytes(15).toString("base64url");
  const answer = await raw(`${live.stack.supabase_url}/auth/v1/admin/users`, {
    method: "POST", body: JSON.stringify({ email, password, email_confirm: true }),
    headers: { "content-type": "application/json", apikey: live.stack.secret_key, authorization: `Bearer ${live.stack.secret_key}` },
  });
  return { user_id: z.object({ id: z.guid() }).parse(answer.body).id, email, password };
}

const grant = z.looseObject({ access_token: z.string(), refresh_token: z.string(), expires_in: z.number(), user: z.looseObject({}) });

/** Signs in with the password; the cookie has the form in which @supabase/ssr keeps a session. */
export async function signIn(live: Live, user: User): Promise<Session> {
  const answer = await raw(`${live.stack.supabase_url}/auth/v1/token?grant_type=password`, {
    method: "POST", body: JSON.stringify({ email: user.email, password: user.password }),
    headers: { "content-type": "application/json", apikey: live.stack.publishable_key },
  });
  if (answer.status !== 200) throw new Error(`sign-in answered ${answer.status} ${answer.text}`);
  const session = grant.parse(answer.body);
  const name = `control-room-${createHash("sha256").update(live.stack.supabase_url).digest("hex").slice(0, 8)}`;
  const value = `base64-${Buffer.from(JSON.stringify({ ...session, expires_at: Math.floor(Date.now() / 1000) + session.expires_in })).toString("base64url")}`;
  const chunks = value.match(/.{1,3180}/g) ?? [];
  const cookie = chunks.length === 1 ? `${name}=${value}` : chunks.map((chunk, index) => `${name}.${index}=${chunk}`).join("; ");
  return { ...user, access_token: session.access_token, cookie };
}
