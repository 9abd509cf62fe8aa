import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Role } from "../../contracts/role.ts";
import { view, views, type View } from "../../contracts/view.ts";
import { aTenant, call, openWorld, refusal, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(4);
});
afterAll(() => world?.drop());

async function aPerson(tenant: Tenant, role: Role): Promise<{ user: string }> {
  const user = randomUUID();
  await world.owner.query("insert into auth.users (id, email) values ($1, $2)", [user, `${user}@example.test`]);
  await world.owner.query("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, $4)", [user, tenant.organization_id, tenant.project_id, role]);
  return { user };
}
const list = async (as: Caller, { project_id }: Tenant) => views.parse(await call(world, as, "list_views", { project_id, list: "runs" }));
const save = async (as: Caller, { project_id }: Tenant, more: { name: string; shared?: boolean; view_id?: string; query?: string }): Promise<View> =>
  view.parse(await call(world, as, "save_view", { request: { view_id: more.view_id, project_id, list: "runs", name: more.name, query: more.query ?? "status=failed", shared: more.shared ?? false } }));
const names = ({ items }: { items: View[] }) => items.map(({ name }) => name);

test("a view is its maker's alone until it is shared, and then the project's; who only looks may keep one, not share it", async () => {
  const tenant = await aTenant(world);
  const [viewer, operator] = [await aPerson(tenant, "viewer"), await aPerson(tenant, "operator")];
  await save(viewer, tenant, { name: "mine" });
  const failing = await save(operator, tenant, { name: "failing" });
  expect([names(await list(viewer, tenant)), names(await list(operator, tenant)), names(await list(tenant.api, tenant))]).toEqual([["mine"], ["failing"], []]);
  await save(operator, tenant, { ...failing, shared: true, name: " failing now " });
  expect(names(await list(viewer, tenant))).toEqual(["failing now", "mine"]);
  expect((await list(viewer, tenant)).items.map(({ own, shared, query }) => [own, shared, query])).toEqual([[false, true, "status=failed"], [true, false, "status=failed"]]);
  expect((await refusal(save(viewer, tenant, { name: "for all", shared: true }))).code).toBe("forbidden");
  const other = await aTenant(world);
  expect((await refusal(list({ user: other.user }, tenant))).code).toBe("not_found");
  expect((await refusal(save({ user: other.user }, tenant, { name: "spy" }))).code).toBe("not_found");
});

test("a shared view is changed and deleted by who made it and by admins, and the audit log names them; a view of one's own leaves no trace", async () => {
  const tenant = await aTenant(world);
  const [viewer, operator, admin] = [await aPerson(tenant, "viewer"), await aPerson(tenant, "operator"), await aPerson(tenant, "admin")];
  const shared = await save(operator, tenant, { name: "night", shared: true });
  const own = await save(operator, tenant, { name: "own" });
  for (const who of [viewer, await aPerson(tenant, "editor")]) {
    expect((await refusal(save(who, tenant, { ...shared, name: "taken" }))).code).toBe("forbidden");
    expect((await refusal(call(world, who, "delete_view", { view_id: shared.view_id }))).code).toBe("forbidden");
  }
  // What is somebody's own is not there for an admin either.
  expect((await refusal(call(world, admin, "delete_view", { view_id: own.view_id }))).code).toBe("not_found");
  await save(admin, tenant, { ...shared, query: "range=7d" });
  await call(world, admin, "delete_view", { view_id: shared.view_id });
  await call(world, operator, "delete_view", { view_id: own.view_id });
  expect(names(await list(operator, tenant))).toEqual([]);
  const { rows } = await world.owner.query("select action, actor_id, after ->> 'query' as query from ops.audit_log where object_type = 'view' and project_id = $1 order by audit_id", [tenant.project_id]);
  expect(rows).toEqual([{ action: "view.saved", actor_id: operator.user, query: "status=failed" }, { action: "view.saved", actor_id: admin.user, query: "range=7d" }, { action: "view.deleted", actor_id: admin.user, query: null }]);
});

test("a name is taken once: among one's own, and among the shared", async () => {
  const tenant = await aTenant(world);
  const [one, two] = [await aPerson(tenant, "operator"), await aPerson(tenant, "operator")];
  await save(one, tenant, { name: "late" });
  expect((await refusal(save(one, tenant, { name: "late" }))).code).toBe("conflict");
  const theirs = await save(two, tenant, { name: "late", shared: true });
  const mine = (await list(one, tenant)).items.find(({ own }) => own) as View;
  expect((await refusal(save(one, tenant, { ...mine, shared: true }))).code).toBe("conflict");
  expect((await refusal(save(one, tenant, { name: "  " }))).code).toBe("invalid_input");
  expect((await refusal(save(one, tenant, { name: "x", query: "q".repeat(2001) }))).code).toBe("invalid_input");
  expect(theirs.name).toBe("late");
});

test("a list opens with the view that a person chose, until it is gone or no longer shared; a token chooses nothing", async () => {
  const tenant = await aTenant(world);
  const [maker, reader] = [await aPerson(tenant, "operator"), await aPerson(tenant, "viewer")];
  const shared = await save(maker, tenant, { name: "night", shared: true });
  const choose = (as: Caller, value: string | null) => call(world, as, "put_personal_setting", { project_id: tenant.project_id, key: "default_view.runs", value });
  await choose(reader, shared.view_id);
  expect([(await list(reader, tenant)).default_view_id, (await list(maker, tenant)).default_view_id]).toEqual([shared.view_id, null]);
  await save(maker, tenant, { ...shared, shared: false });
  expect((await list(reader, tenant)).default_view_id).toBeNull();
  await save(maker, tenant, { ...shared, shared: true });
  expect((await list(reader, tenant)).default_view_id).toBe(shared.view_id);
  await choose(reader, null);
  expect((await list(reader, tenant)).default_view_id).toBeNull();
  await choose(reader, shared.view_id);
  await call(world, maker, "delete_view", { view_id: shared.view_id });
  expect((await list(reader, tenant)).default_view_id).toBeNull();
  expect((await refusal(choose(tenant.api, shared.view_id))).code).toBe("forbidden");
  expect((await refusal(call(world, reader, "put_personal_setting", { project_id: tenant.project_id, key: "no_such_key", value: "x" }))).code).toBe("invalid_input");
});
