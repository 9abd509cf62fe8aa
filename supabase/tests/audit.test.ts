import { randomUUID } from "node:crypto";
import type { PoolClient } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RpcReturns } from "../../contracts/rpc.ts";
import { aRequest, aRun, aTenant, anApiToken, call, cronSecret, openWorld, refusal, request, sealed, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let other: Tenant;
const scheduler = { token: cronSecret };
beforeAll(async () => {
  world = await openWorld(24);
  [tenant, other] = [await aTenant(world), await aTenant(world)];
  // As the owner of the database, this person also verifies inside of a transaction that tampers.
  await world.owner.query("insert into ops_private.sql_logins values ('postgres', $1)", [tenant.user]);
});
afterAll(() => world?.drop());

const seal = (at_most = 50_000) => call(world, scheduler, "seal_audit", { at_most });
async function verify(whose = tenant, at_most = 100_000) {
  let walk = await call(world, whose.api, "verify_audit", { organization_id: whose.organization_id, at_most });
  while (!walk.complete) walk = await call(world, whose.api, "verify_audit", { organization_id: whose.organization_id, after_seq: walk.last_seq, at_most });
  return walk;
}
const count = async (whose = tenant) => (await world.owner.query("select count(*)::int as n from ops.audit_log where organization_id = $1", [whose.organization_id])).rows[0].n as number;

test("an entry carries the id of the request where it is a plain one, and who made the change", async () => {
  const cancel = async (headers: Record<string, string>) => {
    const run = await aRun(world, tenant);
    await request(world, { user: tenant.user }, "select ops.cancel_run($1, 'not needed')", [run], headers);
    return (await world.owner.query("select actor_type, actor_id, actor_name, after, request_id from ops.audit_log where object_id = $1 and action = 'run.canceled'", [run])).rows;
  };
  const entry = { actor_type: "user", actor_id: tenant.user, actor_name: "user@example.test", after: { reason: "not needed" } };
  expect(await cancel({ "x-request-id": "req-1.a_B" })).toEqual([{ ...entry, request_id: "req-1.a_B" }]);
  for (const id of ["a b", "x".repeat(101), "<script>", ""]) expect(await cancel({ "x-request-id": id })).toEqual([{ ...entry, request_id: null }]);
});

test("many writers and many sealers at once: one gapless chain per organization, every entry in it once", async () => {
  let writing = true;
  const sealers = Promise.all(Array.from({ length: 4 }, async () => {
    while (writing) await seal(7);
  }));
  await Promise.all(Array.from({ length: 16 }, async (_, nth) => {
    for (let turn = 0; turn < 12; turn++) await aRun(world, nth % 2 === 0 ? tenant : other);
  }));
  writing = false;
  await sealers;
  await sealed(world);
  for (const each of [tenant, other]) {
    const n = await count(each);
    expect(await verify(each)).toMatchObject({ complete: true, broken: null, unsealed: 0, last_seq: String(n), hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await verify(each, 10), "in steps").toMatchObject({ broken: null, last_seq: String(n) });
  }
});

test("what was written by an older transaction that is still open is sealed before what came after it", async () => {
  await sealed(world);
  const client = await world.owner.connect();
  try {
    await client.query("begin");
    await client.query("select ops_private.audit($1, 'test.first', 'test', 'late')", [tenant.environment_id]);
    const later = await aRun(world, tenant);
    await seal();
    expect((await verify()).unsealed, "the open one is not seen, the later one waits").toBe(1);
    await client.query("commit");
    await sealed(world);
    const { rows } = await world.owner.query("select object_id from ops.audit_list where object_id in ('late', $1) order by seq", [later]);
    expect(rows.map((row) => row.object_id)).toEqual(["late", later]);
  } finally {
    client.release();
  }
});

/** Tampers as the tables' owner, who can switch triggers off, verifies, and takes it back. */
async function tampered(work: (client: PoolClient) => Promise<unknown>, after_seq = 0): Promise<RpcReturns<"verify_audit">> {
  const client = await world.owner.connect();
  try {
    await client.query("begin; alter table ops.audit_log disable trigger user; alter table ops.audit_chain disable trigger user");
    await work(client);
    return (await client.query("select ops.verify_audit($1, $2, 100000) as walk", [tenant.organization_id, after_seq])).rows[0].walk;
  } finally {
    await client.query("rollback");
    client.release();
  }
}

test("whatever the table's owner changes, removes, adds or rechains is found at that place", async () => {
  for (let made = 0; made < 12; made++) await aRun(world, tenant);
  await sealed(world);
  const { rows: [at] } = await world.owner.query("select seq::int, audit_id::text from ops.audit_chain where organization_id = $1 and seq = 9", [tenant.organization_id]);
  const here = { seq: "9", audit_id: at.audit_id };
  expect((await tampered(async () => undefined)).broken).toBeNull();
  for (const change of ["action = 'run.fine'", "actor_name = 'somebody else'", "after = after || '{\"spec_slug\": \"other\"}'", "before = '{}'", "created_at = created_at + interval '1 microsecond'", "request_id = 'x'", "actor_id = gen_random_uuid()", "txid = '1'"]) {
    expect((await tampered((client) => client.query(`update ops.audit_log set ${change} where audit_id = $1`, [at.audit_id]))).broken, change).toEqual({ ...here, reason: "entry_changed" });
  }
  expect((await tampered((client) => client.query("delete from ops.audit_log where audit_id = $1", [at.audit_id]))).broken).toEqual({ ...here, reason: "entry_missing" });
  expect((await tampered((client) => client.query("delete from ops.audit_chain where audit_id = $1", [at.audit_id]))).broken).toMatchObject({ seq: "10", reason: "link_missing" });
  expect((await tampered((client) => client.query("update ops.audit_log set organization_id = $2 where audit_id = $1", [at.audit_id, other.organization_id]))).broken).toEqual({ ...here, reason: "entry_missing" });
  const added = await tampered((client) => client.query("insert into ops.audit_log (organization_id, actor_type, action, object_type, object_id, txid) values ($1, 'user', 'run.created', 'run', 'x', '1')", [tenant.organization_id]));
  expect(added.broken).toMatchObject({ seq: null, reason: "entry_added" });
  // The entry and its own link made to fit: then the next one does not.
  const rechained = await tampered((client) => client.query(`with changed as (update ops.audit_log set actor_name = 'somebody else' where audit_id = $1 returning *)
    update ops.audit_chain as c set hash = sha256((select p.hash from ops.audit_chain as p where p.organization_id = c.organization_id and p.seq = 8) || (select ops_private.audit_hash(changed) from changed)) where c.audit_id = $1`, [at.audit_id]));
  expect(rechained.broken).toMatchObject({ seq: "10", reason: "entry_changed" });
});

test("an entry holds at most 64 kB of what was before and after, by every door, and says what the rest was", async () => {
  const parameters = { rows: "x".repeat(70_000) };
  const alone = await aRun(world, tenant, { parameters });
  const [, copied] = (await call(world, tenant.api, "create_runs", { requests: [aRequest(tenant).request, aRequest(tenant, { parameters }).request] })).items as { run: { run_id: string } }[];
  for (const run_id of [alone, copied!.run.run_id]) {
    const { rows: [entry] } = await world.owner.query("select after, encode(sha256(convert_to(jsonb_build_object('spec_slug', r.spec_slug, 'parameters', r.parameters)::text, 'UTF8')), 'hex') as whole from ops.audit_log join ops.runs as r on r.run_id::text = object_id where object_id = $1 and action = 'run.created'", [run_id]);
    expect(entry.after).toEqual({ truncated: true, byte_size: expect.any(Number), sha256: entry.whole });
  }
  const kept = await aRun(world, tenant, { parameters: { rows: "x".repeat(60_000) } });
  expect((await world.owner.query("select length(after -> 'parameters' ->> 'rows') as n from ops.audit_log where object_id = $1", [kept])).rows).toEqual([{ n: 60_000 }]);
  await sealed(world);
  expect((await verify()).broken).toBeNull();
});

test("a flood of large entries is sealed and verified in steps that each end in time, whatever is asked for at once", async () => {
  const loud = await aTenant(world);
  await sealed(world);
  await world.owner.query("insert into ops.audit_log (organization_id, actor_type, action, object_type, object_id, before, after) select $1, 'user', 'run.created', 'run', n::text, to_jsonb(repeat('x', 60000)), to_jsonb(repeat('y', 60000)) from generate_series(1, 300) as n", [loud.organization_id]);
  let steps = 0;
  for (let done = 0; done < 300; steps++) done += await seal();
  expect(steps).toBeGreaterThan(2);
  const first = await call(world, loud.api, "verify_audit", { organization_id: loud.organization_id, at_most: 100_000 });
  expect(first).toMatchObject({ complete: false, broken: null });
  expect(first.checked).toBeLessThan(150);
  expect(await verify(loud)).toMatchObject({ broken: null, last_seq: String(await count(loud)) });
});

test("who verifies from behind the tip on is told that this link is missing, not that all fits", async () => {
  await sealed(world);
  const beyond = String(await count() + 1);
  expect(await call(world, tenant.api, "verify_audit", { organization_id: tenant.organization_id, after_seq: beyond })).toMatchObject({ complete: true, checked: 0, broken: { seq: beyond, audit_id: null, reason: "link_missing" } });
  expect(await call(world, tenant.api, "verify_audit", { organization_id: tenant.organization_id, after_seq: String(await count()) })).toMatchObject({ complete: true, broken: null });
});

test("no role changes, removes or adds an entry or a link, and only the scheduler seals", async () => {
  await sealed(world);
  for (const table of ["audit_log", "audit_chain"]) {
    for (const sql of [`update ops.${table} set organization_id = organization_id`, `delete from ops.${table}`, `truncate ops.${table}`, `insert into ops.${table} default values`]) {
      for (const caller of [tenant.api, { user: tenant.user }, scheduler]) await expect(request(world, caller, sql), sql).rejects.toMatchObject({ code: "42501" });
    }
    for (const sql of [`update ops.${table} set organization_id = organization_id where true`, `delete from ops.${table} where true`, `truncate ops.${table}`]) await expect(world.owner.query(sql), sql).rejects.toMatchObject({ code: "PT409" });
  }
  for (const caller of [tenant.api, { user: tenant.user }]) {
    for (const [name, args] of [["seal_audit", {}], ["take_audit_heads", {}], ["note_audit_head", { organization_id: tenant.organization_id, number: 1, seq: "1" }]] as const) {
      expect((await refusal(call(world, caller, name, args))).code, name).toMatch(/forbidden|permission denied/);
    }
  }
});

test("admins within the organization verify, others do not learn that it exists", async () => {
  const viewer = await anApiToken(world, tenant.project_id, "editor");
  expect(await refusal(call(world, viewer, "verify_audit", { organization_id: tenant.organization_id }))).toMatchObject({ code: "forbidden" });
  for (const id of [tenant.organization_id, randomUUID()]) expect(await refusal(call(world, other.api, "verify_audit", { organization_id: id }))).toMatchObject({ code: "not_found" });
});

test("a tip is due once it has moved, at most once a minute, until it is noted as stored", async () => {
  await sealed(world);
  const mine = async () => (await call(world, scheduler, "take_audit_heads", { at_most: 1000 })).filter((each) => each.organization_id === tenant.organization_id);
  const [first] = await mine();
  expect(first).toEqual({ organization_id: tenant.organization_id, number: 1, seq: String(await count()), hash: (await verify()).hash });
  expect(await mine(), "not yet noted").toEqual([first]);
  const note = (number: number) => call(world, scheduler, "note_audit_head", { organization_id: tenant.organization_id, number, seq: first?.seq ?? "" });
  expect(await note(1)).toBe(true);
  expect(await note(1), "again").toBe(false);
  expect(await mine()).toEqual([]);
  await call(world, tenant.api, "create_run", aRequest(tenant));
  await sealed(world);
  expect(await mine(), "less than a minute later").toEqual([]);
  await world.owner.query("update ops_private.audit_heads set due_at = due_at - interval '1 minute'");
  expect(await mine()).toMatchObject([{ number: 2 }]);
});

test("a database restored into a younger cluster goes on sealing, and seals nothing twice", async () => {
  await world.owner.query("update ops_private.audit_sealer set txid = '9000000000000000'");
  await aRun(world, tenant);
  await sealed(world);
  expect(await verify()).toMatchObject({ broken: null, unsealed: 0, last_seq: String(await count()) });
});

test("a page filtered by actor, action, noun or object reads an index of its organization, under row level security too", async () => {
  await world.owner.query(`insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_id, actor_name, action, object_type, object_id)
    select $1, $2, $3, 'user', md5((n % 50)::text)::uuid, 'person ' || n % 50, case n % 500 when 1 then 'schedule.deleted' when 2 then 'schedules.imported' when 3 then 'schedule' else 'run.created' end, 'run', 'thing ' || n % 500 from generate_series(1, 20000) as n`, [other.organization_id, other.project_id, other.environment_id]);
  await world.owner.query("analyze ops.audit_log");
  const admin = randomUUID();
  await world.owner.query("insert into auth.users (id, email) values ($1, $2)", [admin, `${admin}@example.test`]);
  await world.owner.query("insert into ops.memberships (user_id, organization_id, role) values ($1, $2, 'admin')", [admin, other.organization_id]);
  const filters: Record<string, [condition: string, index: string, rows: number]> = {
    actor: ["actor_id = md5('7')::uuid", "audit_log_by_actor", 400], "actor's name": ["actor_name = 'person 7'", "audit_log_by_actor_name", 400], action: ["action = 'schedule.deleted'", "audit_log_by_action", 40],
    noun: ["action >= 'schedule.' and action < 'schedule/'", "audit_log_by_action", 40], object: ["object_id = 'thing 7'", "audit_log_by_object", 40],
  };
  for (const [name, [condition, index, rows]] of Object.entries(filters)) {
    const query = `from ops.audit_list where organization_id = '${other.organization_id}' and ${condition}`;
    const plan = await request<{ "QUERY PLAN": string }>(world, { user: admin }, `explain select * ${query} order by audit_id desc limit 51`);
    const text = plan.map((line) => line["QUERY PLAN"]).join("\n");
    expect(text, name).toMatch(new RegExp(`${index}\\b`));
    const conditions = text.split("\n").filter((line) => line.includes("Index Cond") && line.includes("organization_id"));
    expect(conditions.some((line) => line.includes(condition.split(" ")[0] ?? "")), `${name}: ${text}`).toBe(true);
    expect((await request(world, { user: admin }, `select ${query}`)).length, name).toBe(rows);
  }
});
