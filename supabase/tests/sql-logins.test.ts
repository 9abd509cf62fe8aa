import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../scripts/stack/bootstrap.ts";
import { PASSWORD } from "./support/test-server.ts";
import { aRun, aTenant, call, openWorld, sealed, tick, type Tenant, type World } from "./world.ts";

const login = `bi_${randomBytes(5).toString("hex")}`;
let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await openWorld(4);
  tenant = await aTenant(world);
  await aRun(world, tenant);
  await aRun(world, await aTenant(world));
  await world.owner.query(`create role ${login} login password '${PASSWORD}'`);
  await world.owner.query(`grant authenticated to ${login}`); // worse than allowed: such logins are never members of API roles
});
afterAll(async () => {
  await world?.owner.query(`drop owned by ${login}; drop role ${login}`).catch(() => undefined); // it may not have been made
  await world?.drop();
});

const forged = (user: string) => [
  `select set_config('request.jwt.claims', '${JSON.stringify({ role: "authenticated", sub: user })}', false)`,
  `select set_config('ops.principal', '${JSON.stringify({ type: "user", id: user })}', false)`,
  "select set_config('request.headers', '{}', false)",
];
async function seen(user: string): Promise<number> {
  return withClient(world.database.urlOf(login), async (client: pg.Client) => {
    for (const sql of forged(user)) await client.query(sql);
    let rows = 0;
    for (const table of ["runs", "run_events", "environments", "memberships", "job_templates", "organizations"]) rows += (await client.query(`select from ops.${table}`)).rowCount ?? 0;
    return rows;
  });
}

test("a SQL login that claims to be somebody in its settings sees nothing and may do nothing", async () => {
  expect(await seen(tenant.user)).toBe(0);
  await withClient(world.database.urlOf(login), async (client) => {
    for (const sql of forged(tenant.user)) await client.query(sql);
    await client.query("set role authenticated");
    expect((await client.query("select from ops.runs")).rowCount).toBe(0);
    await expect(client.query("select ops.whoami()")).rejects.toMatchObject({ message: "unauthenticated" });
    await expect(client.query("select ops.create_run(jsonb_build_object('environment_id', $1::text, 'spec_text', '{}'))", [tenant.environment_id])).rejects.toMatchObject({ message: "not_found" });
    await expect(client.query("set session authorization authenticator")).rejects.toMatchObject({ code: "42501" });
    await expect(client.query("set role ops_token")).rejects.toMatchObject({ code: "42501" });
    await expect(client.query("select * from ops_private.settings")).rejects.toMatchObject({ code: "42501" });
    await expect(client.query("insert into ops_private.sql_logins values (session_user, $1)", [tenant.user])).rejects.toMatchObject({ code: "42501" });
  });
});

test("a SQL login that stands for a person sees what that person sees, whatever it claims", async () => {
  const other = await aTenant(world);
  await aRun(world, other);
  await world.owner.query("insert into ops_private.sql_logins values ($1, $2)", [login, other.user]);
  await withClient(world.database.urlOf(login), async (client) => {
    for (const sql of forged(tenant.user)) await client.query(sql);
    const { rows } = await client.query("select distinct environment_id from ops.runs");
    expect(rows).toEqual([{ environment_id: other.environment_id }]);
  });
});

test("a member of ops_sql reads what its person may see, and calls no function that changes anything", async () => {
  const reader = `${login}_reader`;
  const person = await aTenant(world);
  const run = await aRun(world, person);
  await world.owner.query(`create role ${reader} login password '${PASSWORD}' in role ops_sql`);
  try {
    await world.owner.query("insert into ops_private.sql_logins values ($1, $2)", [reader, person.user]);
    await withClient(world.database.urlOf(reader), async (client) => {
      expect((await client.query("select run_id from ops.runs")).rows).toEqual([{ run_id: run }]);
      await expect(client.query("select ops.cancel_run($1)", [run])).rejects.toMatchObject({ code: "42501" });
      await expect(client.query("select lease_token from ops.leases")).rejects.toMatchObject({ code: "42501" });
    });
  } finally {
    await world.owner.query("delete from ops_private.sql_logins where login = $1", [reader]);
    await world.owner.query(`drop role ${reader}`);
  }
});

test("what a SQL login keeps open holds up nobody: no new run, no change of the control plane, no partition for long, no sealing", async () => {
  const reader = `${login}_idle`;
  const person = await aTenant(world);
  await aRun(world, person, { debounce_key: "nightly" });
  await world.owner.query(`create role ${reader} login password '${PASSWORD}' in role ops_sql`);
  try {
    await world.owner.query("insert into ops_private.sql_logins values ($1, $2)", [reader, person.user]);
    await withClient(world.database.urlOf(reader), async (client) => {
      await client.query("begin");
      await client.query("select pg_current_xact_id(), count(*) from ops.run_events");
      // Every lock that a name of ours could stand for, were it an advisory one.
      const names = ["ops.ensure_event_partitions", `control_plane ${person.project_id}`, `debounce ${person.environment_id} nightly`];
      await client.query("select pg_advisory_lock(hashtextextended(n, 0)) from unnest($1::text[]) as n", [names]);
      await client.query("savepoint tried");
      for (const table of ["ops.projects", "ops.schedules", "ops.run_events", "ops_private.locks", "ops_private.gates"]) {
        await expect(client.query(`select from ${table} for share`), table).rejects.toMatchObject({ code: "42501" });
        await client.query("rollback to tried");
      }

      await aRun(world, person, { debounce_key: "nightly" });
      const document = { project_id: person.project_id, document: { version: 1 as const, caps: [] }, prune: true };
      const planned = await call(world, person.api, "plan_control_plane", document);
      await call(world, person.api, "apply_control_plane", { ...document, state_sha256: planned.state_sha256, after_sha256: planned.after_sha256 });
      await sealed(world);
      // It has read events, so a partition waits; it waits shortly, and neither the tick nor a new event fails meanwhile.
      const far = "select ops_private.ensure_event_partitions(0, '2051-03-05') as made";
      const [made] = await Promise.all([world.owner.query(far), aRun(world, person), tick(world)]);
      expect(made.rows).toEqual([{ made: 0 }]);
      await client.query("rollback");
      expect((await world.owner.query(far)).rows).toEqual([{ made: 1 }]);
    });
  } finally {
    await world.owner.query("delete from ops_private.sql_logins where login = $1", [reader]);
    await world.owner.query(`drop role ${reader}`);
  }
});
