import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { z } from "zod";
import { type ContractCalls, nobody } from "./contract-calls.ts";
import { until, type Live } from "./live.ts";
import { aUser, signIn } from "./session.ts";

/** The link of the last mail to an address, out of the local stack's outbox. */
function mailedLink(live: Live, to: string): Promise<string> {
  const folder = join(live.stack.data_dir, "outbox");
  return until(`a mail to ${to}`, 10, async () => {
    const mail = readdirSync(folder).toSorted().map((name) => readFileSync(join(folder, name), "utf8")).findLast((text) => text.includes(`To: ${to}\r\n`));
    return /https?:\/\/\S+/.exec(mail ?? "")?.[0];
  });
}

/** Organizations, members, invitations, API tokens and sessions: what people do, and what an admin's token may. */
export async function identity(calls: ContractCalls) {
  const { live, tenant, well, badly } = calls;
  const person = async (role?: "owner") => {
    const user = await signIn(live, await aUser(live, `p${randomBytes(6).toString("hex")}@example.test`));
    if (role) await live.sql("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, $3)", [user.user_id, tenant.organization_id, role]);
    return { ...user, token: user.access_token };
  };
  const [owner, guest, stranger] = [await person("owner"), await person(), await person()];
  const slug = `c${randomBytes(6).toString("hex")}`;
  const organization = { slug, name: "Contract", project_slug: "lake", project_name: "Lake" };
  expect(await well("create_organization", { token: owner.token, body: organization }, 201)).toMatchObject({ organization_slug: slug, slug: "dev", role: "owner" });
  await badly("create_organization", "conflict", { token: owner.token, body: organization });
  await badly("create_organization", "forbidden", { token: stranger.token, body: { ...organization, slug: `${slug}x` } });
  const project = { organization_id: tenant.organization_id, slug, name: "Second" };
  const { project_id } = z.object({ project_id: z.guid() }).parse(await well("create_project", { token: owner.token, body: project }, 201));
  await badly("create_project", "conflict", { token: owner.token, body: project });
  await well("create_environment", { token: owner.token, body: { project_id, slug: "prod", name: "Production" } }, 201);
  await badly("create_environment", "not_found", { token: stranger.token, body: { project_id, slug: "prod", name: "Production" } });

  const mine = { organization_id: tenant.organization_id };
  const invitation = z.object({ invitation_id: z.guid(), token: z.string(), path: z.string(), mailed: z.boolean() });
  const revoked = invitation.parse(await well("invite_member", { body: { ...mine, project_id: tenant.project_id, email: guest.email, role: "viewer" } }, 201));
  expect(revoked.mailed).toBe(true);
  const mailed = await fetch(await mailedLink(live, guest.email));
  const asked = new URL(mailed.url).searchParams;
  expect([mailed.status, asked.get("next"), asked.get("email"), mailed.headers.getSetCookie()], "the mail leads to the invitation, and signs nobody in before they agree").toEqual([200, revoked.path, guest.email, []]);
  await badly("invite_member", "forbidden", { body: { ...mine, email: guest.email, role: "viewer" } });
  await well("list_invitations", { token: owner.token, query: { ...mine, open: "true" } }, 200);
  await badly("list_invitations", "invalid_input", { query: { organization_id: "seven" } });
  await well("revoke_invitation", { params: { invitation_id: revoked.invitation_id } }, 204);
  await badly("revoke_invitation", "not_found", { params: { invitation_id: nobody } });
  await badly("accept_invitation", "not_found", { token: guest.token, body: { token: revoked.token } });
  const { token } = invitation.parse(await well("invite_member", { token: owner.token, body: { ...mine, email: guest.email, role: "viewer" } }, 201));
  await badly("accept_invitation", "forbidden", { token: stranger.token, body: { token } });
  const { membership_id } = z.object({ membership_id: z.guid() }).parse(await well("accept_invitation", { token: guest.token, body: { token } }, 200));
  expect(await well("list_members", { token: guest.token, query: mine }, 200)).toMatchObject({ items: [{ membership_id, email: guest.email }] });
  await badly("list_members", "not_found", { token: stranger.token, query: mine });
  const params = { membership_id };
  expect(await well("change_member", { token: owner.token, params, body: { role: "editor" } }, 200)).toMatchObject({ role: "editor" });
  await badly("change_member", "forbidden", { token: guest.token, params, body: { role: "owner" } });
  await well("remove_member", { token: guest.token, params }, 204);
  await badly("remove_member", "not_found", { token: guest.token, params });

  const apiToken = z.object({ api_token_id: z.guid(), token: z.string() });
  const first = apiToken.parse(await well("create_api_token", { body: { project_id: tenant.project_id, name: "contract", role: "viewer" } }, 201));
  await badly("create_api_token", "forbidden", { body: { project_id: tenant.project_id, name: "contract", role: "owner" } });
  await well("list_api_tokens", { query: { project_id: tenant.project_id, limit: 1 } }, 200);
  await badly("list_api_tokens", "invalid_input", { query: { project_id: "seven" } });
  const second = apiToken.parse(await well("rotate_api_token", { params: { api_token_id: first.api_token_id }, body: { overlap_seconds: 0 } }, 201));
  await badly("rotate_api_token", "conflict", { params: { api_token_id: first.api_token_id }, body: {} });
  await badly("whoami", "token_invalid", { token: first.token });
  await well("revoke_api_token", { params: { api_token_id: second.api_token_id } }, 204);
  await badly("revoke_api_token", "not_found", { params: { api_token_id: nobody } });
  await badly("whoami", "token_invalid", { token: second.token });

  const { items } = z.object({ items: z.array(z.object({ session_id: z.guid(), current: z.boolean() })) }).parse(await well("list_sessions", { token: stranger.token }, 200));
  await badly("list_sessions", "unauthenticated", { token: null });
  await badly("revoke_session", "not_found", { token: guest.token, params: { session_id: items[0]?.session_id ?? "" } });
  await well("revoke_session", { token: stranger.token, params: { session_id: items[0]?.session_id ?? "" } }, 204);
  // Its JWT would be good for an hour.
  await badly("whoami", "unauthenticated", { token: stranger.token });
}
