import { createHash, randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { RpcArgs } from "../../contracts/rpc.ts";
import type { Role } from "../../contracts/role.ts";
import { roles } from "../../contracts/words.ts";
import { anApiToken, anExecutor, aTenant, call, newToken, openWorld, refusal, request, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let owner: { user: string };
beforeAll(async () => {
  world = await openWorld(12);
});
afterAll(() => world?.drop());
beforeEach(async () => {
  tenant = await aTenant(world);
  owner = await aPerson();
  await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'owner')", [owner.user, tenant.organization_id]);
});

async function aPerson(email = `${randomBytes(5).toString("hex")}@example.test`): Promise<{ user: string; email: string }> {
  const user = randomUUID();
  await world.owner.query("insert into auth.users (id, email, email_confirmed_at) values ($1, $2, now())", [user, email]);
  return { user, email };
}
async function aMember(role: Role, scope: { project_id?: string; environment_id?: string } = {}) {
  const person = await aPerson();
  const { rows } = await world.owner.query("insert into ops.memberships (user_id, organization_id, project_id, environment_id, role) values ($1, $2, $3, $4, $5) returning membership_id", [person.user, tenant.organization_id, scope.project_id ?? null, scope.environment_id ?? null, role]);
  return { ...person, membership_id: rows[0].membership_id as string };
}
const soon = () => new Date(Date.now() + 86_400_000).toISOString();
const hex = (token: string) => createHash("sha256").update(token).digest("hex");
async function invite(by: Caller, email: string, role: Role, scope: { project_id?: string; environment_id?: string } = {}) {
  const token = `lci_${randomBytes(32).toString("base64url")}`;
  const made = await call(world, by, "invite_member", { organization_id: tenant.organization_id, email, role, token_sha256: hex(token), expires_at: soon(), ...scope });
  return { token, ...made };
}
const code = async (attempt: Promise<unknown>) => (await refusal(attempt)).code;
const roleOf = async (user: string) => (await call(world, { user }, "whoami", {})).environments.find((each) => each.environment_id === tenant.environment_id)?.role;
const audited = async (object: string) => (await world.owner.query("select action, actor_id, before ->> 'role' as before, after ->> 'role' as after from ops.audit_log where object_id = $1 order by audit_id", [object])).rows;

test("an invitation makes the invited person a member, once, with the role and in the scope that it names", async () => {
  const guest = await aPerson();
  const made = await invite(owner, guest.email.toUpperCase(), "operator", { project_id: tenant.project_id, environment_id: tenant.environment_id });
  expect(made).toMatchObject({ email: guest.email, role: "operator", environment_id: tenant.environment_id, accepted_at: null });
  expect(await call(world, guest, "get_invitation", { token: made.token })).toMatchObject({ role: "operator", environment_name: "dev" });
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => call(world, guest, "accept_invitation", { token: made.token })));
  expect(results.filter((each) => each.status === "fulfilled")).toHaveLength(1);
  for (const each of results) if (each.status === "rejected") expect((each.reason as Error).message).toBe("not_found");
  expect(await roleOf(guest.user)).toBe("operator");
  const { rows } = await world.owner.query("select membership_id from ops.memberships where user_id = $1", [guest.user]);
  expect(await audited(rows[0].membership_id)).toEqual([{ action: "member.joined", actor_id: guest.user, before: null, after: "operator" }]);
  expect(await audited(made.invitation_id)).toEqual([{ action: "member.invited", actor_id: owner.user, before: null, after: "operator" }]);
});

test("an invitation opens nothing for another address, an unconfirmed one, a token, after its end, when revoked or replaced", async () => {
  const [guest, other] = [await aPerson(), await aPerson()];
  const { token, invitation_id } = await invite(owner, guest.email, "viewer");
  expect(await code(call(world, other, "accept_invitation", { token }))).toBe("forbidden");
  expect(await code(call(world, tenant.api, "accept_invitation", { token }))).toBe("forbidden");
  expect(await code(call(world, guest, "accept_invitation", { token: `${token}x` }))).toBe("not_found");
  await world.owner.query("update auth.users set email_confirmed_at = null where id = $1", [guest.user]);
  expect(await code(call(world, guest, "accept_invitation", { token }))).toBe("forbidden");
  await world.owner.query("update auth.users set email_confirmed_at = now() where id = $1", [guest.user]);
  await world.owner.query("update ops.invitations set expires_at = now() where invitation_id = $1", [invitation_id]);
  expect(await code(call(world, guest, "accept_invitation", { token }))).toBe("not_found");
  const first = await invite(owner, guest.email, "viewer");
  const second = await invite(owner, guest.email, "editor");
  expect(await code(call(world, guest, "accept_invitation", { token: first.token }))).toBe("not_found");
  await call(world, owner, "revoke_invitation", { invitation_id: second.invitation_id });
  await call(world, owner, "revoke_invitation", { invitation_id: second.invitation_id });
  expect(await code(call(world, guest, "accept_invitation", { token: second.token }))).toBe("not_found");
  expect(await roleOf(guest.user)).toBeUndefined();
});

test("an invitation is void when its maker is removed or loses the role", async () => {
  for (const end of ["change_member", "remove_member"] as const) {
    const admin = await aMember("admin");
    const guest = await aPerson();
    const { token } = await invite(admin, guest.email, "admin");
    await (end === "change_member" ? call(world, owner, end, { membership_id: admin.membership_id, role: "viewer" }) : call(world, owner, end, { membership_id: admin.membership_id }));
    expect(await code(call(world, guest, "accept_invitation", { token }))).toBe("not_found");
  }
});

test("nobody invites to, gives, takes or makes a token of a role above the own one, in a scope that it does not govern", async () => {
  const secret = () => ({ token_sha256: randomBytes(32).toString("hex"), prefix: "lct_abcdefgh", expires_at: soon() });
  for (const held of roles) {
    const actor = await aMember(held);
    const project = await aMember(held, { project_id: tenant.project_id });
    for (const wanted of roles) {
      const allowed = held === "owner" || (held === "admin" && wanted !== "owner");
      const target = await aMember(wanted);
      const attempts: [string, () => Promise<unknown>][] = [
        ["invite", () => invite(actor, `${randomBytes(5).toString("hex")}@example.test`, wanted)],
        ["invite to a project", () => invite(project, `${randomBytes(5).toString("hex")}@example.test`, wanted, { project_id: tenant.project_id })],
        ["token", () => call(world, project, "create_api_token", { project_id: tenant.project_id, name: "t", role: wanted, ...secret() })],
        ["give", () => call(world, actor, "change_member", { membership_id: target.membership_id, role: wanted })],
        ["remove", () => call(world, actor, "remove_member", { membership_id: target.membership_id })],
      ];
      for (const [what, attempt] of attempts) {
        const answer = await attempt().then(() => "done", (error: Error) => error.message);
        if (allowed) expect(answer, `${held} ${what} ${wanted}`).toBe("done");
        else expect(["forbidden", "not_found"], `${held} ${what} ${wanted}`).toContain(answer);
      }
    }
    // Over the organization a project's role counts nothing.
    expect(["forbidden", "not_found"], held).toContain(await code(invite(project, "x@example.test", "viewer")));
    expect(["forbidden", "not_found"], held).toContain(await code(call(world, project, "create_project", { organization_id: tenant.organization_id, slug: "mine", name: "Mine", environment_slug: "dev", environment_name: "Dev" })));
    // Nobody lifts itself.
    if (held !== "owner") expect(["forbidden", "not_found"]).toContain(await code(call(world, actor, "change_member", { membership_id: actor.membership_id, role: "owner" })));
  }
});

test("a role and its removal hold at the next request; anybody may leave", async () => {
  const member = await aMember("viewer");
  expect(await roleOf(member.user)).toBe("viewer");
  await call(world, owner, "change_member", { membership_id: member.membership_id, role: "editor" });
  await call(world, owner, "change_member", { membership_id: member.membership_id, role: "editor" });
  expect(await roleOf(member.user)).toBe("editor");
  await call(world, owner, "remove_member", { membership_id: member.membership_id });
  expect(await roleOf(member.user)).toBeUndefined();
  expect((await audited(member.membership_id)).map((each) => [each.action, each.before, each.after])).toEqual([["member.changed", "viewer", "editor"], ["member.removed", "editor", null]]);
  const leaver = await aMember("viewer");
  await call(world, leaver, "remove_member", { membership_id: leaver.membership_id });
  expect(await roleOf(leaver.user)).toBeUndefined();
  expect(await code(call(world, leaver, "remove_member", { membership_id: leaver.membership_id }))).toBe("not_found");
});

test("an organization keeps an owner, also where all of them leave or step down at once", async () => {
  const owners = await Promise.all(Array.from({ length: 5 }, () => aMember("owner")));
  const mine = (await world.owner.query("select membership_id from ops.memberships where user_id = $1", [owner.user])).rows[0].membership_id as string;
  const everyone = [...owners.map((each) => ({ caller: each as Caller, membership_id: each.membership_id })), { caller: owner as Caller, membership_id: mine }];
  const results = await Promise.allSettled(everyone.map(({ caller, membership_id }, index) =>
    index % 2 === 0 ? call(world, caller, "remove_member", { membership_id }) : call(world, caller, "change_member", { membership_id, role: "viewer" })));
  const refused = results.filter((each) => each.status === "rejected");
  expect(refused.map((each) => (each.reason as Error).message)).toEqual(["conflict"]);
  const { rows } = await world.owner.query("select count(*)::int as owners from ops.memberships where organization_id = $1 and project_id is null and role = 'owner'", [tenant.organization_id]);
  expect(rows[0].owners).toBe(1);
});

test("members are listed to who administers their scope, and to themselves; page after page names each once", async () => {
  const admin = await aMember("admin", { project_id: tenant.project_id });
  const viewer = await aMember("viewer");
  const list = (by: Caller, more: Partial<RpcArgs<"list_members">> = {}) => call(world, by, "list_members", { organization_id: tenant.organization_id, ...more });
  expect((await list(owner)).map((each) => each.user_id).toSorted()).toEqual([tenant.user, owner.user, admin.user, viewer.user].toSorted());
  expect((await list(admin)).map((each) => each.user_id).toSorted()).toEqual([tenant.user, admin.user].toSorted());
  expect(await list(viewer)).toMatchObject([{ email: viewer.email, role: "viewer", project_slug: null }]);
  const pages: string[] = [];
  for (let after: string | null = null, more = true; more;) {
    const page: { membership_id: string }[] = await list(owner, { after, at_most: 1 });
    pages.push(...page.map((each) => each.membership_id));
    after = pages.at(-1) ?? null;
    more = page.length > 0;
  }
  expect(new Set(pages).size).toBe(4);
  expect(pages).toHaveLength(4);
  expect(await code(list(await aPerson()))).toBe("not_found");
  for (const statement of ["insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'owner')", "update ops.memberships set role = 'owner' where user_id = $1 and organization_id = $2", "delete from ops.memberships where user_id <> $1 and organization_id = $2", "insert into ops.invitations (email, role, token_sha256, organization_id) values ($1, 'owner', '', $2)"]) {
    await expect(request(world, viewer, statement, [viewer.user, tenant.organization_id]), statement).rejects.toMatchObject({ code: "42501" });
  }
});

test("an API token works as what it is until it is rotated out, revoked or over; its secret is kept nowhere", async () => {
  const works = (token: string) => call(world, { token }, "whoami", {}).then((me) => me.environments[0]?.role, (error: Error) => error.message);
  const make = async (name: string, more: object = {}) => {
    const { token, hash } = newToken("lct_");
    const stored = { token_sha256: hash.toString("hex"), prefix: token.slice(0, 12), expires_at: soon(), ...more };
    const made = name === "create" ? await call(world, owner, "create_api_token", { project_id: tenant.project_id, environment_id: tenant.environment_id, name: "ci", role: "editor", ...stored }) : await call(world, owner, "rotate_api_token", { api_token_id: name, overlap_seconds: 60, ...stored });
    return { ...made, token };
  };
  const first = await make("create");
  expect(first).toMatchObject({ role: "editor", created_by: owner.user, last_used_at: null });
  expect(first).not.toHaveProperty("token_sha256");
  expect(await works(first.token)).toBe("editor");
  const second = await make(first.api_token_id);
  expect(second).toMatchObject({ name: "ci", role: "editor", environment_id: tenant.environment_id });
  expect([await works(first.token), await works(second.token)]).toEqual(["editor", "editor"]);
  const third = await make(second.api_token_id, { overlap_seconds: 0 });
  expect([await works(second.token), await works(third.token)]).toEqual(["token_invalid", "editor"]);
  expect(await code(make(second.api_token_id))).toBe("conflict");
  const revoked = await call(world, owner, "revoke_api_token", { api_token_id: third.api_token_id });
  expect(await call(world, owner, "revoke_api_token", { api_token_id: third.api_token_id })).toEqual(revoked);
  expect(await works(third.token)).toBe("token_invalid");
  expect((await audited(third.api_token_id)).map((each) => each.action)).toEqual(["token.rotated", "token.revoked"]);
  for (const expires_at of [new Date(Date.now() - 1000).toISOString(), new Date(Date.now() + 11 * 366 * 86_400_000).toISOString()]) expect(await code(make("create", { expires_at }))).toBe("invalid_input");
  const admin = await anApiToken(world, tenant.project_id, "admin", tenant.environment_id);
  const { hash } = newToken("lct_");
  const wider = { project_id: tenant.project_id, name: "wider", token_sha256: hash.toString("hex"), prefix: "lct_abcdefgh", expires_at: soon() };
  expect(await code(call(world, admin, "create_api_token", { ...wider, role: "viewer" }))).toBe("forbidden");
  expect(await code(call(world, admin, "create_api_token", { ...wider, role: "owner", environment_id: tenant.environment_id }))).toBe("forbidden");
});

test("an owner makes organizations, an admin projects and environments, each with a page to stand on; others make none", async () => {
  const slug = `n${randomBytes(5).toString("hex")}`;
  const wanted = { slug, name: "New", project_slug: "lake", project_name: "Lake", environment_slug: "dev", environment_name: "Development" };
  const made = await call(world, owner, "create_organization", wanted);
  expect(made).toMatchObject({ organization_slug: slug, project_slug: "lake", slug: "dev", role: "owner" });
  expect(await code(call(world, owner, "create_organization", wanted))).toBe("conflict");
  const admin = await aMember("admin");
  const project = await call(world, admin, "create_project", { organization_id: tenant.organization_id, slug: "second", name: "Second", environment_slug: "dev", environment_name: "Dev" });
  expect(project).toMatchObject({ project_slug: "second", role: "admin" });
  expect(await call(world, admin, "create_environment", { project_id: project.project_id, slug: "prod", name: "Production" })).toMatchObject({ slug: "prod", role: "admin" });
  expect(await code(call(world, admin, "create_environment", { project_id: project.project_id, slug: "prod", name: "Production" }))).toBe("conflict");
  for (const bad of ["Prod", "1a", "", "a/b", "a".repeat(64)]) expect(await code(call(world, admin, "create_environment", { project_id: project.project_id, slug: bad, name: "x" }))).toBe("invalid_input");
  const stranger = await aPerson();
  const executor = await anExecutor(world, tenant);
  for (const caller of [stranger, admin, tenant.api, executor]) expect(await code(call(world, caller, "create_organization", { ...wanted, slug: `${slug}x` }))).toBe("forbidden");
  for (const caller of [stranger, executor, await aMember("editor")]) {
    expect(["forbidden", "not_found"]).toContain(await code(call(world, caller, "create_environment", { project_id: project.project_id, slug: "mine", name: "x" })));
  }
  await world.owner.query("select ops_private.put_setting('organizations_are_open', 'true')");
  expect(await call(world, stranger, "create_organization", { ...wanted, slug: `${slug}y` })).toMatchObject({ role: "owner" });
});

test("a changed address and password are told to each organization of the person once, and of a password only that", async () => {
  const [person, elsewhere] = [await aPerson(), await aTenant(world)];
  for (const organization of [tenant.organization_id, elsewhere.organization_id]) {
    await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'viewer')", [person.user, organization]);
  }
  await world.owner.query("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'editor')", [person.user, tenant.organization_id, tenant.project_id]);
  const { rows: [before] } = await world.owner.query("select email from auth.users where id = $1", [person.user]);
  await world.owner.query("update auth.users set encrypted_password = 'hash of another', last_sign_in_at = now() where id = $1", [person.user]);
  await world.owner.query("update auth.users set email = 'new-' || email where id = $1", [person.user]);
  await world.owner.query("update auth.users set last_sign_in_at = now() where id = $1", [person.user]);
  const { rows } = await world.owner.query("select organization_id, actor_type, actor_id, action, before, after from ops.audit_log where object_id = $1 order by audit_id", [person.user]);
  const told = (organization_id: string) => rows.filter((row) => row.organization_id === organization_id).map(({ organization_id: _, ...entry }) => entry);
  const entry = { actor_type: "user", actor_id: person.user };
  for (const organization of [tenant.organization_id, elsewhere.organization_id]) {
    expect(told(organization)).toEqual([
      { ...entry, action: "account.password_changed", before: null, after: null },
      { ...entry, action: "account.email_changed", before: { email: before.email }, after: { email: `new-${before.email}` } },
    ]);
  }
  expect(rows).toHaveLength(4);
});

test("a session that was ended is refused at the next request, though its JWT goes on; one ends only one's own", async () => {
  const [mine, other] = [owner.user, (await aPerson()).user];
  const open = async (user: string) => (await world.owner.query("insert into auth.sessions (id, user_id, created_at) values (gen_random_uuid(), $1, now()) returning id", [user])).rows[0].id as string;
  const [here, there, theirs] = [await open(mine), await open(mine), await open(other)];
  const asks = async (user: string, session_id: string, sql: string, values: unknown[] = []) => {
    const client = await world.rest.connect();
    try {
      await client.query("begin");
      await client.query("select set_config('role', 'authenticated', true), set_config('request.headers', '{}', true), set_config('request.jwt.claims', $1, true)", [JSON.stringify({ role: "authenticated", sub: user, email: "x@example.test", session_id })]);
      await client.query("select ops_private.pre_request()");
      const { rows } = await client.query(sql, values);
      await client.query("commit");
      return rows[0]?.answer;
    } catch (error) {
      await client.query("rollback");
      return (error as Error).message;
    } finally {
      client.release();
    }
  };
  const list = await asks(mine, here, "select ops.list_sessions() as answer");
  expect(list.map((each: { session_id: string; current: boolean }) => [each.session_id, each.current]).toSorted()).toEqual([[here, true], [there, false]].toSorted());
  expect(await asks(mine, here, "select ops.revoke_session($1) as answer", [theirs])).toBe("not_found");
  expect(await asks(mine, there, "select 1 as answer")).toBe(1);
  expect(await asks(mine, here, "select ops.revoke_session($1) as answer", [there])).toBe(true);
  expect((await world.owner.query("select actor_id, before from ops.audit_log where action = 'account.session_ended' and object_id = $1", [mine])).rows).toEqual([{ actor_id: mine, before: { session_id: there } }]);
  expect(await asks(mine, there, "select 1 as answer")).toBe("unauthenticated");
  expect(await asks(mine, theirs, "select 1 as answer")).toBe("unauthenticated");
  expect(await asks(other, theirs, "select 1 as answer")).toBe(1);
  await world.owner.query("update auth.users set banned_until = now() + interval '1 hour' where id = $1", [other]);
  expect(await asks(other, theirs, "select 1 as answer")).toBe("unauthenticated");
});

test("a membership cannot name a project of another organization, whoever writes it", async () => {
  const [one, two] = [await aTenant(world), await aTenant(world)];
  await expect(world.owner.query("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'owner')", [one.user, one.organization_id, two.project_id])).rejects.toMatchObject({ code: "23503" });
});

test("a page of members begins after a membership of the same organization: another one's e-mail cannot be told from the order", async () => {
  await aMember("viewer");
  const elsewhere = await aTenant(world);
  const { rows: [foreign] } = await world.owner.query("select membership_id from ops.memberships where organization_id = $1", [elsewhere.organization_id]);
  expect(await call(world, owner, "list_members", { organization_id: tenant.organization_id, after: foreign.membership_id })).toEqual([]);
});
