import { createHash, randomBytes } from "node:crypto";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import ws from "ws";
import type { Mail } from "../../scripts/stack/auth/context.ts";
import { startGateway, type Gateway } from "../../scripts/stack/gateway.ts";
import { newSigningKey } from "../../scripts/stack/secrets.ts";
import { aTenant, call, openWorld, type World } from "./world.ts";

let world: World;
let gateway: Gateway;
const mails: Mail[] = [];
beforeAll(async () => {
  world = await openWorld(4);
  gateway = await startGateway({
    // Nothing here asks PostgREST.
    host: "127.0.0.1", port: 0, postgrest_url: "http://127.0.0.1:9", database_url: world.database.urlOf("supabase_auth_admin"), jwk: newSigningKey(),
    publishable_key: "sb_publishable_for_tests", secret_key: "sb_secret_for_tests", site_url: "http://127.0.0.1:3000",
    disable_signup: true, invited_may_sign_up: true, log: () => undefined, send: (mail) => mails.push(mail),
  });
});
afterAll(async () => {
  await gateway?.close();
  await world?.drop();
});

const password = "correct horse";
const client = (key = "sb_publishable_for_tests") => createClient(gateway.url, key, { auth: { persistSession: false, autoRefreshToken: false }, realtime: { transport: ws as never } }).auth;
const anAddress = () => `${randomBytes(5).toString("hex")}@example.test`;
const signUp = (email: string, invitation_token?: unknown, more: object = {}) => client().signUp({ email, password, options: { data: { ...more, invitation_token } } });
const otp = (email: string, invitation_token?: string) => client().signInWithOtp({ email, options: { data: { invitation_token }, emailRedirectTo: "http://127.0.0.1:3000/auth/confirm" } });
const usersOf = async (email: string) => (await world.owner.query("select encrypted_password <> '' as has_password, email_confirmed_at is not null as confirmed, raw_user_meta_data as metadata from auth.users where email = $1", [email])).rows;

/** An organization of its own invites the address. */
async function invited(email: string) {
  const tenant = await aTenant(world);
  const token = `lci_${randomBytes(32).toString("base64url")}`;
  const { invitation_id } = await call(world, { user: tenant.user }, "invite_member", {
    organization_id: tenant.organization_id, project_id: tenant.project_id, email, role: "viewer", expires_at: new Date(Date.now() + 86_400_000).toISOString(),
    token_sha256: createHash("sha256").update(token).digest("hex"),
  });
  return { token, hash: createHash("sha256").update(token).digest("hex"), invitation_id, tenant };
}

test("who knows an invited address only cannot take it, by password or by mail, and is told what everybody is told", async () => {
  const [email, uninvited, member] = [anAddress(), anAddress(), anAddress()];
  const { token, hash, invitation_id, tenant } = await invited(email);
  const other = await invited(anAddress());
  await client("sb_secret_for_tests").admin.createUser({ email: member, password, email_confirm: true });
  const answers = new Set<string>();
  const note = ({ error }: { error: { status?: number; code?: string; message: string } | null }) => answers.add(JSON.stringify([error?.status, error?.code, error?.message]));
  for (const guess of [undefined, null, "", "lci_", hash, `${token}x`, token.slice(0, -1), token.toUpperCase(), other.token, { token }, [token], true, "%"]) note(await signUp(email, guess));
  for (const address of [uninvited, member]) for (const guess of [undefined, token]) note(await signUp(address, guess));
  for (const guess of [undefined, hash, other.token]) note(await otp(email, guess));
  note(await otp(uninvited, token));
  expect([...answers]).toEqual([JSON.stringify([422, "signup_disabled", "Signups not allowed for this instance"])]);
  await call(world, { user: tenant.user }, "revoke_invitation", { invitation_id });
  note(await signUp(email, token));
  note(await otp(email, token));
  expect(answers.size).toBe(1);
  expect([...(await usersOf(email)), ...(await usersOf(uninvited))]).toEqual([]);
  expect(mails.filter((mail) => mail.to === email || mail.to === uninvited)).toEqual([]);
});

test("the link of an invitation makes the account, once, before or after its mail, and its token stays nowhere", async () => {
  for (const mailed of [false, true]) {
    const email = anAddress();
    const { token } = await invited(email);
    if (mailed) {
      expect((await otp(email, token)).error).toBeNull();
      expect((await signUp(email)).error?.code).toBe("signup_disabled");
    }
    const { data, error } = await signUp(email.toUpperCase(), token, { name: "Ada" });
    expect(error).toBeNull();
    expect(await call(world, { user: data.user?.id ?? "" }, "accept_invitation", { token })).toMatchObject({ role: "viewer" });
    expect((await signUp(email, token)).error?.code).toBe("signup_disabled");
    expect(await usersOf(email)).toMatchObject([{ has_password: true, confirmed: true }]);
    const { rows } = await world.owner.query("select string_agg(u::text, '') || string_agg(i::text, '') as kept from auth.users as u join auth.identities as i on i.user_id = u.id where u.email = $1", [email]);
    expect(rows[0].kept).not.toContain(token);
  }
});

test("what another bearer of the link prepared in an account ends when its owner opens a mailed link", async () => {
  const email = anAddress();
  const { token } = await invited(email);
  const inviter = client();
  expect((await inviter.signUp({ email, password, options: { data: { invitation_token: token } } })).error).toBeNull();
  const session = (await inviter.getSession()).data.session;
  const open = async () => {
    await world.owner.query("update auth.users set recovery_sent_at = null where email = $1", [email]);
    expect((await otp(email)).error).toBeNull();
    const link = new URL(mails.findLast((mail) => mail.to === email)?.link ?? "");
    const owner = client();
    expect((await owner.verifyOtp({ type: "magiclink", token_hash: link.searchParams.get("token_hash") ?? "" })).error).toBeNull();
    return owner;
  };
  const owner = await open();
  expect((await inviter.refreshSession({ refresh_token: session?.refresh_token ?? "" })).error?.code).toBe("refresh_token_not_found");
  expect((await client().signInWithPassword({ email, password })).error?.code).toBe("invalid_credentials");
  expect((await owner.updateUser({ password: "my own words" })).error).toBeNull();
  await open();
  expect((await client().signInWithPassword({ email, password: "my own words" })).error, "an account that is proven stays as it is").toBeNull();
});
