import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aClaim, aRequest, aRun, aTenant, anApiToken, anExecutor, anObject, call, cronSecret, finish, openWorld, refusal, request, sealed, specText, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(12);
});
afterAll(() => world?.drop());

const scheduler = { token: cronSecret };
async function worked(): Promise<void> {
  while ((await call(world, scheduler, "advance_deletions", { at_most: 2 })) > 0);
}
/** Finished runs with artifacts and a table, a schedule, a cap: what a used environment holds. */
async function used(tenant: Tenant): Promise<{ sha256: string; runs: string[] }> {
  const executor = await anExecutor(world, tenant);
  const runs: string[] = [];
  const object = await anObject(world, tenant.environment_id, "shared bytes");
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["extract"], "kept") });
  for (let made = 0; made < 3; made++) {
    const run_id = await aRun(world, tenant, { spec_text: specText(["extract"]) });
    const claim = await aClaim(world, executor, { run_id });
    await call(world, executor, "append_logs", { ...claim.lease, chunks: [{ chunk_id: randomUUID(), stream: "stdout", text: "a line" }] });
    await call(world, executor, "register_artifact", { ...claim.lease, artifact: { name: "a.txt", kind: "log", content_type: "text/plain", ...object } });
    await call(world, executor, "start_run", claim.lease);
    await call(world, executor, "set_phase", { ...claim.lease, name: "extract", patch: { status: "running" } });
    await call(world, executor, "record_quality", { ...claim.lease, phase: "extract", results: [{ dataset: "gold.a", check: "unique", label: "gold.a unique (id)", severity: "warn", verdict: "pass", wrong: 0, seen: 1 }] });
    await finish(world, executor, claim);
    runs.push(run_id);
  }
  await call(world, tenant.api, "retry_run", { run_id: runs[0] ?? "" });
  await call(world, tenant.api, "cancel_run", { run_id: (await world.owner.query("select run_id from ops.runs where repairs_run_id = $1", [runs[0]])).rows[0].run_id });
  await call(world, tenant.api, "create_schedule", { schedule: { environment_id: tenant.environment_id, name: "daily", template_key: "kept", cron: "0 0 * * *" } as never });
  await call(world, tenant.api, "create_bulk", { request: { filter: { environment_id: tenant.environment_id, status: ["failed"] }, verb: "retry", limit: 10, dry_run: false } });
  return { sha256: object.sha256, runs };
}
const remove = (tenant: Tenant, kind: "environment" | "project" | "organization", id: string, typed_name: string) => call(world, { user: tenant.user }, "delete_scope", { kind, id, typed_name });
const slugOf = async (table: string, column: string, id: string) => (await world.owner.query(`select slug from ops.${table} where ${column} = $1`, [id])).rows[0].slug as string;

/** Tables in which the id still stands anywhere; but the audit log's, and the last seconds' samples of calls. */
async function left(id: string): Promise<string[]> {
  const { rows } = await world.owner.query("select c.oid::regclass::text as name from pg_class as c where c.relnamespace in ('ops'::regnamespace, 'ops_private'::regnamespace) and c.relkind in ('r', 'p') and not c.relispartition and not c.relname ~ '^(audit_|call_samples$)'");
  const found = [];
  for (const { name } of rows) if ((await world.owner.query(`select from ${name} as t where to_jsonb(t)::text like '%' || $1 || '%' limit 1`, [id])).rowCount) found.push(name);
  return found;
}

test("a deleted environment is gone for everybody at once, and from every table after some ticks; its audit log stays and fits", async () => {
  const [tenant, other] = [await aTenant(world), await aTenant(world)];
  const { sha256, runs } = await used(tenant);
  await anObject(world, other.environment_id, "shared bytes");
  await anObject(world, tenant.environment_id, "only here");
  const reader = await anApiToken(world, tenant.project_id, "viewer");
  expect(await call(world, { user: tenant.user }, "preview_deletion", { kind: "environment", id: tenant.environment_id })).toMatchObject({ typed_name: "dev", hindrance: null, counts: { environments: 1, runs: 4, schedules: 1, objects: 2 } });
  expect(await remove(tenant, "environment", tenant.environment_id, "dev")).toBe(true);
  expect(await request(world, reader, "select from ops.runs")).toEqual([]);
  expect(await refusal(call(world, tenant.api, "create_run", aRequest(tenant)))).toMatchObject({ code: "not_found" });
  expect(await refusal(remove(tenant, "environment", tenant.environment_id, "dev"))).toMatchObject({ code: "not_found" });
  await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'dev', 'its name is free')", [tenant.project_id]);
  await worked();
  for (const id of [tenant.environment_id, ...runs]) expect(await left(id), id).toEqual([]);
  expect((await world.owner.query("select sha256 from ops_private.orphans")).rows.map((row) => row.sha256), "bytes that another environment knows stay").not.toContain(sha256);
  expect((await world.owner.query("select actor_type, before, (select count(*)::int from ops.audit_log as b where b.environment_id = a.environment_id) as kept from ops.audit_log as a where action = 'environment.deleted' and object_id = $1", [tenant.environment_id])).rows)
    .toMatchObject([{ actor_type: "user", before: { slug: "dev", runs: 4 }, kept: expect.any(Number) }]);
  await sealed(world);
  expect(await call(world, tenant.api, "verify_audit", { organization_id: tenant.organization_id })).toMatchObject({ broken: null, unsealed: 0 });
});

test("a project and an organization go with everything in them; others keep what they have", async () => {
  const first = await aTenant(world);
  const second = await aTenant(world, first);
  const neighbour = await aTenant(world);
  await used(first);
  await used(second);
  await used(neighbour);
  // An executor of the first project worked for the second: the run outlives it.
  const executor = await anExecutor(world, first);
  await world.owner.query("insert into ops.executor_environments values ($1, $2)", [executor.executor_id, second.environment_id]);
  const run_id = await aRun(world, second);
  await finish(world, executor, await aClaim(world, executor, { run_id }));
  const kept = (await world.owner.query("select count(*)::int as n from ops.runs where project_id = any ($1)", [[second.project_id, neighbour.project_id]])).rows[0].n;
  expect(await remove(first, "project", first.project_id, await slugOf("projects", "project_id", first.project_id))).toBe(true);
  expect(await refusal(call(world, executor, "claim_runs", {}))).toMatchObject({ code: "token_invalid" });
  await worked();
  for (const id of [first.project_id, first.environment_id]) expect(await left(id)).toEqual([]);
  expect(await left(executor.executor_id), "the other project's history names it").toEqual(["ops.run_events"]);
  expect((await world.owner.query("select count(*)::int as n from ops.runs where project_id = any ($1)", [[second.project_id, neighbour.project_id]])).rows[0].n).toBe(kept);

  const slug = await slugOf("organizations", "organization_id", second.organization_id);
  expect(await refusal(remove(second, "organization", second.organization_id, slug)), "an owner of one project").toMatchObject({ code: "forbidden" });
  await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'owner')", [second.user, second.organization_id]);
  expect(await remove(second, "organization", second.organization_id, slug)).toBe(true);
  await worked();
  for (const id of [second.organization_id, second.project_id]) expect(await left(id)).toEqual([]);
  expect((await world.owner.query("select count(*)::int as n from ops.audit_log where organization_id = $1 and action like '%.deleted'", [second.organization_id])).rows[0].n).toBe(2);
  expect((await world.owner.query("select from ops.runs where project_id = $1", [neighbour.project_id])).rowCount).toBeGreaterThan(0);
}, 60_000);

test("nothing goes while runs are active, under another name, or by who may not", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant);
  const attempt = (typed: string, caller: { token: string } | { user: string } = { user: tenant.user }) => refusal(call(world, caller, "delete_scope", { kind: "environment", id: tenant.environment_id, typed_name: typed }));
  expect(await attempt("dev")).toMatchObject({ code: "conflict" });
  expect((await call(world, tenant.api, "preview_deletion", { kind: "environment", id: tenant.environment_id })).hindrance).toContain("1 runs are active");
  await call(world, tenant.api, "cancel_run", { run_id });
  for (const typed of ["", "Dev", "dev ", tenant.environment_id]) expect(await attempt(typed), typed).toMatchObject({ code: "invalid_input" });
  expect(await attempt("dev", await anApiToken(world, tenant.project_id, "editor"))).toMatchObject({ code: "forbidden" });
  expect(await attempt("dev", (await aTenant(world)).api)).toMatchObject({ code: "not_found" });
  expect(await refusal(call(world, tenant.api, "delete_scope", { kind: "project", id: tenant.project_id, typed_name: await slugOf("projects", "project_id", tenant.project_id) })), "an admin's token").toMatchObject({ code: "forbidden" });
  expect(await request(world, tenant.api, "select from ops.environments")).toHaveLength(1);
});

test("a run that is being queued while its environment is deleted holds the deletion back, or goes with it", async () => {
  for (let round = 0; round < 8; round++) {
    const tenant = await aTenant(world);
    const outcomes = await Promise.allSettled([...Array.from({ length: 4 }, () => aRun(world, tenant)), remove(tenant, "environment", tenant.environment_id, "dev")]);
    const deleted = outcomes.at(-1)?.status === "fulfilled";
    if (!deleted) continue;
    await worked();
    expect(await left(tenant.environment_id)).toEqual([]);
  }
});

test("an account goes with its memberships, never that of an organization's last owner; the log keeps its name", async () => {
  const tenant = await aTenant(world);
  const leave = (user: string, typed_name: string) => call(world, { user }, "delete_scope", { kind: "account", id: user, typed_name });
  const email = async (user: string) => (await world.owner.query("select email from auth.users where id = $1", [user])).rows[0]?.email as string;
  await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'owner')", [tenant.user, tenant.organization_id]);
  expect(await refusal(leave(tenant.user, await email(tenant.user)))).toMatchObject({ code: "conflict" });
  const second = randomUUID();
  await world.owner.query("insert into auth.users (id, email) values ($1, $2)", [second, `${second}@example.test`]);
  await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'owner')", [second, tenant.organization_id]);
  expect(await refusal(call(world, { user: second }, "delete_scope", { kind: "account", id: tenant.user, typed_name: await email(tenant.user) })), "somebody else's").toMatchObject({ code: "not_found" });
  // Both at once: one of them stays.
  const both = await Promise.allSettled([leave(second, `${second}@example.test`), leave(tenant.user, await email(tenant.user))]);
  expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect((await world.owner.query("select from ops.memberships where organization_id = $1 and project_id is null", [tenant.organization_id])).rowCount).toBe(1);
  expect((await world.owner.query("select before from ops.audit_log where action = 'account.deleted' and organization_id = $1", [tenant.organization_id])).rows).toHaveLength(1);
});

test("bytes that nobody knows any more are removed an hour later, unless they came again", async () => {
  const { environment_id, ...tenant } = await aTenant(world);
  const { sha256 } = await anObject(world, environment_id, randomUUID());
  const came = await anObject(world, environment_id, randomUUID());
  await remove({ environment_id, ...tenant }, "environment", environment_id, "dev");
  await worked();
  const take = async () => (await call(world, scheduler, "take_orphans", { at_most: 1000 })).filter((each) => [sha256, came.sha256].includes(each));
  expect(await take()).toEqual([]);
  await world.owner.query("update ops_private.orphans set since = since - interval '1 hour'");
  await world.owner.query("select ops_private.keep_object($1)", [came.sha256]);
  expect(await take()).toEqual([sha256]);
  expect((await refusal(world.owner.query("select ops_private.keep_object($1)", [sha256]))).code, "while they are being removed").toBe("conflict");
  expect(await call(world, scheduler, "settle_orphans", { removed: [sha256] })).toBe(1);
  await world.owner.query("select ops_private.keep_object($1)", [sha256]);
});
