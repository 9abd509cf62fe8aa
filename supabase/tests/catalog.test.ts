import { afterAll, beforeAll, expect, test } from "vitest";
import { openWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(2);
});
afterAll(() => world?.drop());

const names = async (sql: string) => (await world.owner.query(sql)).rows.map((row) => row.name as string);
const ours = "in ('ops'::regnamespace, 'ops_private'::regnamespace)";

test("row level security is enabled and forced on every table and every partition", async () => {
  expect((await names(`select oid::regclass::text as name from pg_class where relkind in ('r', 'p') and relnamespace ${ours}`)).length).toBeGreaterThan(35);
  expect(await names(`select oid::regclass::text as name from pg_class where relkind in ('r', 'p') and relnamespace ${ours} and not (relrowsecurity and relforcerowsecurity)`)).toEqual([]);
});

test("every table of ops has a policy, every policy only lets rows be read, and none is for everybody", async () => {
  expect(await names("select c.oid::regclass::text as name from pg_class as c where c.relkind in ('r', 'p') and c.relnamespace = 'ops'::regnamespace and not exists (select from pg_policy as p where p.polrelid = c.oid)")).toEqual([]);
  expect(await names("select polname as name from pg_policy where polcmd <> 'r' or not polpermissive")).toEqual([]);
  expect(await names(`select policyname as name from pg_policies where schemaname in ('ops', 'ops_private') and not roles <@ '{authenticated,ops_token,ops_sql}'`)).toEqual([]);
});

test("what a policy asks about the caller is asked once a statement, not once a row", async () => {
  const { rows } = await world.owner.query("select tablename || ' ' || policyname as name, qual from pg_policies where schemaname in ('ops', 'ops_private')");
  expect(rows.length).toBeGreaterThan(25);
  // A sub-select that refers to no row is an initplan; the same call bare runs for every row.
  const bare = rows.filter(({ qual }) => /(ops_private|auth)\.\w+\(|current_setting\(|session_user|current_user/i.test(qual.replaceAll(/SELECT \(?ops_private\.\w+\(/g, "")));
  expect(bare.map((row) => row.name)).toEqual([]);
});

test("views run with the rights of who asks", async () => {
  expect(await names(`select oid::regclass::text as name from pg_class where relkind in ('v', 'm') and relnamespace ${ours} and not coalesce(reloptions @> '{security_invoker=true}', false)`)).toEqual([]);
});

test("no view calls a volatile function, which would keep it from being planned with its caller: a page of fifty would sort all rows", async () => {
  expect((await names("select viewname as name from pg_views where schemaname = 'ops'")).length).toBeGreaterThan(5);
  expect(await names(`select distinct v.viewname || ' ' || f.called[1] as name from pg_views as v cross join lateral regexp_matches(v.definition, '([a-z_][a-z_0-9]*)\\(', 'g') as f (called)
    join pg_proc as p on p.proname = f.called[1] where v.schemaname = 'ops' and p.provolatile = 'v'`)).toEqual([]);
});

test("no role of the API may write a table, and none may read ops_private", async () => {
  const roles = "('anon', 'authenticated', 'service_role', 'ops_token', 'ops_sql', 'authenticator', 'ops_listener', 'public')";
  const grants = `(select c.oid::regclass::text as relation, c.relnamespace, case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as grantee, a.privilege_type
    from pg_class as c, aclexplode(c.relacl) as a where c.relnamespace ${ours}) as g`;
  expect(await names(`select relation || ' ' || grantee || ' ' || privilege_type as name from ${grants} where grantee in ${roles} and (privilege_type <> 'SELECT' or relnamespace = 'ops_private'::regnamespace)`)).toEqual([]);
  expect(await names(`select relation || ' ' || grantee as name from ${grants} where grantee in ${roles} and grantee not in ('authenticated', 'ops_token', 'ops_sql')`)).toEqual([]);
});

test("hashes of tokens and lease tokens are readable by nobody but the owner", async () => {
  const secret = await names(`select attrelid::regclass || '.' || attname as name from pg_attribute join pg_class as c on c.oid = attrelid
    where c.relnamespace ${ours} and c.relkind in ('r', 'v', 'p') and (attname like '%token_sha256' or attname like '%lease_token')`);
  expect(secret.toSorted()).toEqual(["ops.api_tokens.token_sha256", "ops.executor_tokens.token_sha256", "ops.invitations.token_sha256", "ops.leases.lease_token", "ops_private.run_heads.ended_lease_token"]);
  for (const name of secret) {
    const [schema, table, column] = name.split(".");
    const { rows } = await world.owner.query("select rolname from pg_roles where rolname in ('anon', 'authenticated', 'ops_token', 'ops_sql', 'service_role', 'authenticator', 'ops_listener') and has_column_privilege(rolname, $1, $2, 'select')", [`${schema}.${table}`, column]);
    expect(rows, name).toEqual([]);
  }
});

test("SECURITY DEFINER functions live in ops_private, and every function pins an empty search_path", async () => {
  expect(await names("select oid::regprocedure::text as name from pg_proc where prosecdef and pronamespace = 'ops'::regnamespace")).toEqual([]);
  expect(await names(`select oid::regprocedure::text as name from pg_proc where pronamespace ${ours} and prokind <> 'a' and not coalesce(proconfig @> '{"search_path=\\"\\""}', false)`)).toEqual([]);
});

test("no function is executable by everybody; anon has what a request needs before it is known, and no more", async () => {
  expect(await names(`select oid::regprocedure::text as name from pg_proc where pronamespace ${ours} and (proacl is null or exists (select from aclexplode(proacl) where grantee = 0))`)).toEqual([]);
  const allowed = ["ops_private.authenticate_token(text)", "ops_private.fail(text,text,text)", "ops_private.pre_request()"];
  for (const role of ["anon", "service_role"]) {
    expect(await names(`select oid::regprocedure::text as name from pg_proc where pronamespace ${ours} and has_function_privilege('${role}', oid, 'execute') order by 1`)).toEqual(allowed);
    expect(await names(`select nspname as name from pg_namespace where nspname in ('ops', 'ops_private') and has_schema_privilege('${role}', oid, 'usage')`)).toEqual(["ops_private"]);
  }
});

test("what tokens may call, people may call, and the other way round: the principal decides, not the role", async () => {
  const differing = await names(`select oid::regprocedure::text as name from pg_proc where pronamespace = 'ops'::regnamespace
    and has_function_privilege('authenticated', oid, 'execute') <> has_function_privilege('ops_token', oid, 'execute') order by 1`);
  expect(differing).toEqual(["ops.advance_backfill()", "ops.advance_bulk_jobs(integer)", "ops.advance_deletions(integer)", "ops.check_alert_rules(integer)", "ops.check_freshness()", "ops.compact_logs(uuid,jsonb)", "ops.due_schedules(integer)", "ops.fire_schedule(uuid,timestamp with time zone,timestamp with time zone[],timestamp with time zone,text)", "ops.health()", "ops.note_audit_head(uuid,bigint,bigint)", "ops.read_heads(uuid[])", "ops.read_log_chunks(uuid,text,integer)", "ops.score_ended_runs(integer)", "ops.seal_audit(integer)", "ops.settle_children()", "ops.settle_delivery(uuid,integer,integer,text)", "ops.settle_lineage(uuid,bigint,jsonb,integer,integer,integer,text)", "ops.settle_orphans(text[])", "ops.take_audit_heads(integer)", "ops.take_deliveries(integer)", "ops.take_lineage(integer)", "ops.take_logs(integer)", "ops.take_orphans(integer)", "ops.tick()", "ops.watch_executors()"]); // the scheduler's secret comes as a token
});

test("no function waits for an advisory lock, which every login of the server may take and keep", async () => {
  expect(await names(`select oid::regprocedure::text as name from pg_proc where pronamespace ${ours} and prosrc ~ 'pg_(try_)?advisory'`)).toEqual([]);
});

test("the owner is no superuser, and the login that only listens reads nothing", async () => {
  const { rows } = await world.owner.query(`select distinct r.rolname, r.rolsuper, r.rolbypassrls from pg_class as c join pg_roles as r on r.oid = c.relowner where c.relnamespace ${ours}`);
  expect(rows).toEqual([{ rolname: "postgres", rolsuper: false, rolbypassrls: true }]);
  const { rows: listener } = await world.owner.query("select has_schema_privilege('ops_listener', 'ops', 'usage') as ops, has_schema_privilege('ops_listener', 'ops_private', 'usage') as private");
  expect(listener).toEqual([{ ops: false, private: false }]);
});

test("a delete that cascades finds its rows by an index", async () => {
  expect(await names(`select k.conrelid::regclass || ' ' || k.conname as name from pg_constraint as k
    where k.contype = 'f' and k.connamespace ${ours} and k.confdeltype <> 'a'
      and not exists (select from pg_index as i where i.indrelid = k.conrelid and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)`)).toEqual([]);
});
