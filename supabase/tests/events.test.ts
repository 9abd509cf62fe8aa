import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventDataLimitBytes } from "../../contracts/event.ts";
import { aClaim, anExecutor, aRun, aTenant, brokenInvariants, call, finish, openWorld, refusal, request, specText, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
beforeAll(async () => {
  world = await openWorld(10);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

type Lease = { run_id: string; lease_token: string };
async function aLease(): Promise<Lease> {
  const run_id = await aRun(world, tenant, { spec_text: specText(["work"]) });
  return (await aClaim(world, executor, { run_id })).lease;
}
const note = (data: Record<string, unknown> = {}, event_id = randomUUID()) => ({ event_id, type: "NOTE", message: "m", data });
const append = (lease: Lease, events: unknown[]) => call(world, executor, "append_events", { ...lease, events } as never);

test("eight writers of one run leave 1..n without gaps, numbered in the order of commit", async () => {
  const lease = await aLease();
  const sent: number[] = [];
  await Promise.all(Array.from({ length: 8 }, async (_, writer) => {
    for (let turn = 0; turn < 12; turn++) {
      if (turn % 4 === 3) await call(world, executor, "heartbeat_run", lease);
      const batch = Array.from({ length: (writer + turn) % 3 + 1 }, (__, at) => note({ writer, turn, at }));
      sent.push(batch.length);
      await append(lease, batch);
    }
  }));
  const { rows } = await world.owner.query("select seq, txid::text as txid, data from ops.run_events where run_id = $1 order by seq", [lease.run_id]);
  expect(rows.map((row) => row.seq)).toEqual(rows.map((_, at) => at + 1));
  expect(rows).toHaveLength(2 + sent.reduce((sum, each) => sum + each, 0));
  const runs: string[] = [];
  for (const row of rows) if (runs.at(-1) !== row.txid) runs.push(row.txid);
  expect(new Set(runs).size).toBe(runs.length); // no transaction's events are mixed with another's
  for (let writer = 0; writer < 8; writer++) {
    const turns = rows.filter((row) => row.data.writer === writer).map((row) => row.data.turn * 10 + row.data.at);
    expect(turns).toEqual(turns.toSorted((a, b) => a - b)); // what a writer sent later stands later
  }
});

test("an event is seen only after all with a lower number: a reader misses nothing", async () => {
  const lease = await aLease();
  let writing = true;
  const gaps: string[] = [];
  const reader = (async () => {
    while (writing) {
      const { rows } = await world.owner.query("select count(*)::int as n, max(seq) as last from ops.run_events where run_id = $1", [lease.run_id]);
      if (rows[0].n !== rows[0].last) gaps.push(JSON.stringify(rows[0]));
    }
  })();
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let turn = 0; turn < 15; turn++) await append(lease, [note(), note()]);
  }));
  writing = false;
  await reader;
  expect(gaps).toEqual([]);
});

test("an event_id is written once; with other content it is a conflict, and nothing of the batch is written", async () => {
  const lease = await aLease();
  const first = note({ a: 1 });
  const { last_seq } = await append(lease, [first, first]);
  expect(await append(lease, [first])).toEqual({ last_seq });
  for (const changed of [{ ...first, data: { a: 2 } }, { ...first, message: "other" }, { ...first, type: "OTHER" }, { ...first, level: "warn" }, { ...first, phase: "work" }]) {
    expect(await refusal(append(lease, [note(), changed]))).toEqual({ code: "event_conflict", status: "PT409" });
  }
  const twin = randomUUID();
  expect((await refusal(append(lease, [note({ a: 1 }, twin), note({ a: 2 }, twin)]))).code).toBe("event_conflict");
  expect(await append(lease, [note()])).toEqual({ last_seq: last_seq + 1 });
});

test("64 kB of data fit into an event, one byte more does not, and 10 MB are refused like it", async () => {
  const lease = await aLease();
  const overhead = JSON.stringify({ text: "" }).length + 1; // jsonb writes a space after the colon
  await append(lease, [note({ text: "x".repeat(eventDataLimitBytes - overhead) })]);
  expect(await refusal(append(lease, [note({ text: "x".repeat(eventDataLimitBytes - overhead + 1) })]))).toEqual({ code: "payload_too_large", status: "PT413" });
  expect(await refusal(append(lease, [note({ text: "x".repeat(10_000_000) })]))).toEqual({ code: "payload_too_large", status: "PT413" });
  expect(await refusal(append(lease, [{ ...note(), message: "x".repeat(10_000_000) }]))).toEqual({ code: "payload_too_large", status: "PT413" });
});

test("NUL, lone surrogates, unknown levels and the control plane's own types are refused, and nothing is written", async () => {
  const lease = await aLease();
  const before = (await append(lease, [note()])).last_seq;
  for (const text of ["\\u0000", "\\ud800", "\\udc00x"]) {
    const events = `[{"event_id": "${randomUUID()}", "type": "NOTE", "message": "a${text}", "data": {}}]`;
    await expect(request(world, executor, "select ops.append_events($1, $2, $3::jsonb)", [lease.run_id, lease.lease_token, events])).rejects.toMatchObject({ code: /^22P0[25]$/ });
  }
  for (const type of ["RUN_SUCCEEDED", "PHASE_STARTED", "LEASE_EXPIRED", "lower", ""]) expect((await refusal(append(lease, [{ ...note(), type }]))).code, type).toBe("invalid_input");
  await expect(append(lease, [{ ...note(), level: "loud" }])).rejects.toMatchObject({ constraint: "level_is_known" });
  await expect(append(lease, [{ ...note(), data: [1] }])).rejects.toMatchObject({ constraint: "event_data_is_an_object" });
  expect((await refusal(append(lease, []))).code).toBe("invalid_input");
  expect((await append(lease, [note()])).last_seq).toBe(before + 1);
});

test("events are append-only for every role, on the table and on every partition", async () => {
  await aLease();
  const superuser = new pg.Pool({ connectionString: world.database.urlOf("supabase_admin"), max: 1 });
  try {
    const { rows } = await world.owner.query("select inhrelid::regclass::text as name from pg_inherits where inhparent = 'ops.run_events'::regclass");
    expect(rows.length).toBeGreaterThan(3);
    for (const pool of [world.owner, superuser]) {
      for (const table of ["ops.run_events", ...rows.map((row) => row.name as string)]) {
        await expect(pool.query(`truncate ${table}`), table).rejects.toMatchObject({ code: "PT409" });
      }
      await expect(pool.query("update ops.run_events set message = 'x'")).rejects.toMatchObject({ code: "PT409" });
      await expect(pool.query("delete from ops.run_events where true")).rejects.toMatchObject({ code: "PT409" });
    }
  } finally {
    await superuser.end();
  }
  for (const sql of ["update ops.run_events set message = 'x'", "delete from ops.run_events where true", "truncate ops.run_events", "insert into ops.run_events select * from ops.run_events"]) {
    await expect(request(world, { user: tenant.user }, sql)).rejects.toMatchObject({ code: "42501" });
    await expect(request(world, tenant.api, sql)).rejects.toMatchObject({ code: "42501" });
  }
});

test("every phase has started, progress and finished, and the one terminal event is last", async () => {
  const run_id = await aRun(world, tenant);
  await finish(world, executor, await aClaim(world, executor, { run_id }));
  const { rows } = await world.owner.query("select array_agg(type order by seq) as types from ops.run_events where run_id = $1 and phase is not null group by phase", [run_id]);
  expect(rows.map((row) => row.types)).toEqual([1, 2, 3].map(() => ["PHASE_STARTED", "PHASE_PROGRESS", "PHASE_SUCCEEDED"]));
  expect(await brokenInvariants(world)).toEqual([]);
});

const partitions = async () => (await world.owner.query("select relname, pg_get_expr(relpartbound, oid) as bounds, relrowsecurity and relforcerowsecurity as secured from pg_class where relispartition and relkind = 'r' and relname like 'run_events_%' order by 1")).rows;

test("partitions of this month and three more are there, and a new event lies in this month's", async () => {
  const lease = await aLease();
  const { rows } = await world.owner.query("select distinct tableoid::regclass::text as name, 'ops_private.run_events_' || to_char(now() at time zone 'UTC', 'YYYY_MM') as wanted from ops.run_events where run_id = $1", [lease.run_id]);
  expect(rows).toEqual([{ name: rows[0].wanted, wanted: rows[0].wanted }]);
  expect((await partitions()).length).toBeGreaterThanOrEqual(5);
  expect((await partitions()).every((each) => each.secured)).toBe(true);
});

test("partitions over a year's end follow on without gap or overlap, made once by many callers in any time zone", async () => {
  const make = async (zone: string) => {
    const client = await world.owner.connect();
    try {
      await client.query(`set timezone = '${zone}'`);
      return (await client.query("select ops_private.ensure_event_partitions(4, '2031-11-30 23:30:00+00') as made")).rows[0].made as number;
    } finally {
      await client.query("reset timezone");
      client.release();
    }
  };
  const made = await Promise.all(["UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "UTC"].map(make));
  expect(made.reduce((sum, each) => sum + each, 0)).toBe(5);
  expect(await make("Asia/Tokyo")).toBe(0);
  const bounds = (await partitions()).filter((each) => /run_events_203[12]/.test(each.relname));
  expect(bounds.map((each) => each.relname)).toEqual(["run_events_2031_11", "run_events_2031_12", "run_events_2032_01", "run_events_2032_02", "run_events_2032_03"]);
  const ends = bounds.map((each) => /FROM \('([^']+)'\) TO \('([^']+)'\)/.exec(each.bounds)?.slice(1) as [string, string]);
  for (let at = 1; at < ends.length; at++) expect(ends[at]?.[0]).toBe(ends[at - 1]?.[1]);
});

test("a month whose events already lie in the default partition stops neither the tick nor new events", async () => {
  const late = (await world.owner.query("select ops_private.uuid_at('2041-05-05') as id")).rows[0].id;
  await world.owner.query("insert into ops.run_events (run_id, seq, environment_id, type) values ($1, 1, $2, 'NOTE')", [late, tenant.environment_id]);
  expect((await world.owner.query("select ops_private.ensure_event_partitions(1, '2041-05-10') as made")).rows[0].made).toBe(1); // June only
  expect((await world.owner.query("select tableoid::regclass::text as name from ops.run_events where run_id = $1", [late])).rows).toEqual([{ name: "ops_private.run_events_default" }]);
});
