import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checklist, type Checklist, type ChecklistStep } from "../../contracts/checklist.ts";
import { aClaim, anApiToken, anExecutor, anObject, aRun, aTenant, call, finish, openWorld, refusal, specText, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(3);
});
afterAll(() => world?.drop());

const read = async ({ environment_id }: Tenant, as: Caller): Promise<Checklist> => checklist.parse(await call(world, as, "read_checklist", { environment_id }));
const ticked = async (tenant: Tenant, as: Caller = tenant.api) => Object.entries((await read(tenant, as)).steps).flatMap(([step, done]) => (done ? [step as ChecklistStep] : [])).toSorted();

test("each step ticks itself when the database holds it, and no other with it", async () => {
  const tenant = await aTenant(world);
  expect(await ticked(tenant)).toEqual([]);
  const executor = await anExecutor(world, tenant);
  await call(world, executor, "heartbeat_executor", { executor_id: executor.executor_id });
  expect(await ticked(tenant)).toEqual(["executor"]);
  const run_id = await aRun(world, tenant, { spec_text: specText(["work"]) });
  const claim = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", claim.lease);
  await call(world, executor, "set_phase", { ...claim.lease, name: "work", patch: { status: "running" } });
  await call(world, executor, "begin_publish", { ...claim.lease, phase: "work", datasets: ["gold.a", "bronze.a"] });
  const object = await anObject(world, tenant.environment_id, run_id);
  for (const layer of ["gold", "bronze"] as const) {
    expect(await ticked(tenant)).not.toContain(layer === "gold" ? "gold" : "run");
    await call(world, executor, "publish_dataset", { ...claim.lease, dataset: { phase: "work", name: `${layer}.a`, layer, table_version: 1, format: "delta", location: layer, content_sha256: object.sha256, row_count: 1, byte_size: 1, columns: [] } });
  }
  expect(await ticked(tenant)).toContain("source");
  const next = await aRun(world, tenant, { spec_text: specText(["work"]) });
  await finish(world, executor, await aClaim(world, executor, { run_id: next }));
  expect(await ticked(tenant)).toEqual(["executor", "gold", "run", "source"]);
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "nightly") });
  await world.owner.query("insert into ops.schedules (environment_id, template_id, name, cron) select $1, template_id, 's', '0 0 * * *' from ops.job_templates where project_id = $2", [tenant.environment_id, tenant.project_id]);
  expect(await ticked(tenant)).toEqual(["executor", "gold", "run", "schedule", "source"]);
  await call(world, { user: tenant.user }, "invite_member", { organization_id: tenant.organization_id, project_id: tenant.project_id, email: "guest@example.test", role: "viewer", token_sha256: "1".repeat(64), expires_at: new Date(Date.now() + 1e8).toISOString() });
  expect(await ticked(tenant)).toContain("member");
  expect((await refusal(read(tenant, (await aTenant(world)).api))).code).toBe("not_found");
});

test("who hides the first steps hides them for nobody else", async () => {
  const tenant = await aTenant(world);
  const other = randomUUID();
  await world.owner.query("insert into auth.users (id, email) values ($1, $2)", [other, `${other}@example.test`]);
  await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'viewer')", [other, tenant.organization_id]);
  await call(world, { user: other }, "put_personal_setting", { project_id: tenant.project_id, key: "checklist_dismissed", value: "yes" });
  expect([(await read(tenant, { user: other })).dismissed, (await read(tenant, { user: tenant.user })).dismissed]).toEqual([true, false]);
});

test("admins rename what they govern, once, and the audit log says from what; slugs stay", async () => {
  const tenant = await aTenant(world);
  const rename = (as: Caller, kind: "organization" | "project" | "environment", name: string) => call(world, as, "rename_scope", { kind, id: tenant[`${kind}_id`], name });
  await rename(tenant.api, "environment", "  Development  ");
  await rename(tenant.api, "environment", "Development");
  await rename({ user: tenant.user }, "project", "Lake");
  expect((await refusal(rename({ user: tenant.user }, "organization", "Ours"))).code).toBe("forbidden"); // owner of its project only
  expect((await refusal(rename(await anApiToken(world, tenant.project_id, "editor"), "environment", "x"))).code).toBe("forbidden");
  expect((await refusal(rename((await aTenant(world)).api, "project", "x"))).code).toBe("not_found");
  for (const name of ["", "  ", "n".repeat(101)]) expect((await refusal(rename(tenant.api, "project", name))).code).toBe("invalid_input");
  const { rows } = await world.owner.query("select e.slug, e.name, p.name as project from ops.environments as e join ops.projects as p using (project_id) where environment_id = $1", [tenant.environment_id]);
  expect(rows).toEqual([{ slug: "dev", name: "Development", project: "Lake" }]);
  const { rows: entries } = await world.owner.query("select action, before ->> 'name' as before, after ->> 'name' as after from ops.audit_log where project_id = $1 and action like '%.renamed' order by audit_id", [tenant.project_id]);
  expect(entries).toEqual([{ action: "environment.renamed", before: "dev", after: "Development" }, { action: "project.renamed", before: expect.any(String), after: "Lake" }]);
});
