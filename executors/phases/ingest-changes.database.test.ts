import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import type { PipelineSpec } from "../../contracts/pipeline.ts";
import { query, startTestServer, type TestServer } from "../../pipelines/testing/test-server.ts";
import { type Environment, type RunOptions, type RunRecord, newEnvironment, runSpec } from "./testing/run-spec.ts";

vi.setConfig({ testTimeout: 120_000 });

let server: TestServer;
let source: pg.Client;
let late: pg.Client;
let folder: string;
let environment: Environment;
let incremental: PipelineSpec;

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.superuser_url("postgres") });
  await client.connect();
  // Written to the log before it is answered, as on any server that nobody has told otherwise; another session reads it there.
  await client.query("set synchronous_commit = on");
  return client;
}
// A server of its own: a transaction that is open anywhere on it holds the watermark back, and more is read again.
beforeAll(async () => {
  server = await startTestServer();
  await query(server.superuser_url("postgres"), "alter system set autovacuum = off");
  await query(server.superuser_url("postgres"), "select pg_reload_conf()");
  [source, late] = [await connect(), await connect()];
  folder = await mkdtemp(join(tmpdir(), "changes-"));
});
afterAll(async () => {
  await source.end();
  await late.end();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
/** 200 partners and their tags have landed; with cdc, by a slot of their own. */
async function landedAnew(): Promise<void> {
  await source.query(`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots; drop publication if exists partners;
    drop schema public cascade; create schema public;
    create table res_partner (id int primary key, name text, active boolean default true, credit numeric(16,2), note text, write_date timestamp default now());
    alter table res_partner alter note set storage external;
    insert into res_partner select i, 'Pärtner "' || i || E'"\n', true, i * 1.10, nullif(repeat('x', i % 5), ''), '2026-01-01'::timestamp from generate_series(1, 200) i;
    update res_partner set note = repeat('long "text", ', 400) where id between 20 and 29;
    create table partner_tag_rel (partner_id int, tag_id int, primary key (partner_id, tag_id)); insert into partner_tag_rel select i, i % 3 from generate_series(1, 200) i;
    create publication partners for table res_partner, partner_tag_rel`);
  environment = newEnvironment(pathToFileURL(`${folder}/${randomBytes(4).toString("hex")}/`), { odoo: server.superuser_url("postgres") });
  await mkdir(environment.scratch, { recursive: true });
  expect(await land()).toMatchObject({ rows: 400, changed: 0 });
}

function pipeline(mode: string) {
  const { spec, errors } = checkSpec(`
version: 1
name: bronze
parameters: { type: object, properties: { resync: { type: boolean, default: false } } }
phases:
  - name: land
    type: ingest
    config:
      source: odoo
      mode: ${mode}
      ${mode === "cdc" ? "cdc: { slot: control_room, publication: partners, resync: '${{ parameters.resync }}' }" : ""}
      tables: [{ name: res_partner, key: [id] }, { name: partner_tag_rel, key: [partner_id, tag_id] }]
  - { name: publish, type: publish, depends_on: [land] }`);
  if (spec === null) throw new Error(JSON.stringify(errors));
  return spec;
}
const full = pipeline("full");
const fullLanding = { ...full, phases: full.phases.slice(0, 1) };

/** Lands what changed; how many rows or changes were read, and of how many tables only those. */
async function land(options: RunOptions = {}): Promise<{ rows: number; changed: number; record: RunRecord }> {
  const record = await runSpec(environment, incremental, options);
  const [, rows, changed] = /^land: Read 2 tables with (\d+) rows(?:, of (\d) of them those that changed)?/.exec(record.messages.findLast((message) => message.startsWith("land: Read 2"))!) ?? [];
  return { rows: Number(rows), changed: Number(changed ?? 0), record };
}

const contents = (of: Environment) => Object.fromEntries([...of.datasets].map(([name, versions]) => [name, versions.at(-1)!.content_sha256]));

/** What is registered is, byte for byte, what a full landing of the source as it is now would write. */
async function expectEqualToFull(): Promise<void> {
  const other = { ...newEnvironment(pathToFileURL(`${folder}/`), environment.connections), lake: `${environment.lake}-${randomBytes(4).toString("hex")}`, scratch: environment.scratch };
  const { outputs } = await runSpec(other, fullLanding);
  expect(contents(environment)).toEqual(Object.fromEntries(outputs.get("land")!.tables.map((table) => [table.name, table.content_sha256])));
}

describe.each(["incremental", "cdc"] as const)("mode %s", (mode) => {
beforeAll(() => void (incremental = pipeline(mode)));

describe("one after another", () => {
  beforeAll(landedAnew);

  test.each([
    ["a new row", "insert into res_partner values (1000, 'new', true, 1, null, '2020-01-01')", 1, 1],
    ["a hard delete", "delete from res_partner where id in (7, 200)", 0, 2],
    ["an update without a new write_date", "update res_partner set credit = credit + 1 where id = 5", 1, 1],
    ["an archived row", "update res_partner set active = false, write_date = now() where id = 9", 1, 1],
    ["a renamed parent", "update res_partner set name = 'renamed' where id = 1", 1, 1],
    ["a link of two tables made and one removed", "insert into partner_tag_rel values (1, 99); delete from partner_tag_rel where partner_id = 4", 1, 2],
    ["a row deleted and made again under its key", "delete from res_partner where id = 3; insert into res_partner values (3, 'again', true, 3, null, null)", 1, 2],
    ["an update of a row whose large text stays", "update res_partner set name = 'large' where id in (20, 21); update res_partner set note = note || '!' where id = 21; update res_partner set name = 'larger' where id = 21", 2, 4],
    ["a key that changes", "update res_partner set id = 5000 where id = 6; update partner_tag_rel set tag_id = 77 where partner_id = 8", 2, 4],
    ["a key that two rows exchange", "begin; update res_partner set id = 6000 where id = 11; update res_partner set id = 11 where id = 12; update res_partner set id = 12 where id = 6000; commit", 2, 6],
    ["what was made and gone before anybody looked, and what was rolled back", "insert into res_partner values (7000); delete from res_partner where id = 7000; commit; begin; delete from res_partner; rollback", 0, 2],
  ])("%s lands, and no more is read than that", async (_, sql, rows, changes) => {
    await source.query(sql);
    expect(await land()).toMatchObject({ rows: mode === "cdc" ? changes : rows, changed: 2 });
    await expectEqualToFull();
  });

  test("a table that was emptied and filled lands", async () => {
    await source.query("truncate partner_tag_rel; insert into partner_tag_rel values (1, 1)");
    // The log has an emptying, but not of which rows.
    expect(await land()).toMatchObject({ rows: 1, changed: mode === "cdc" ? 1 : 2 });
    await expectEqualToFull();
  });

  test("an unchanged source is read for its keys alone, and the same file is registered again", async () => {
    const before = contents(environment);
    expect(await land()).toMatchObject({ rows: 0, changed: 2 });
    expect(contents(environment)).toEqual(before);
    await expectEqualToFull();
  });
});

describe("each from the beginning", () => {
  beforeEach(landedAnew);

  test("a late commit lands, also of a savepoint, although later ones had landed before it", async () => {
    await late.query("begin; insert into res_partner values (501, 'late', true, 1, null, now()); savepoint s; update res_partner set name = 'late too' where id = 2; release s");
    await source.query("insert into res_partner values (502, 'in time', true, 1, null, now())");
    await land();
    expect(environment.datasets.get("bronze.res_partner")!.at(-1)!.row_count).toBe("201");
    await source.query("insert into res_partner values (503, 'after', true, 1, null, now())");
    await land();
    await late.query("commit");
    await land();
    await expectEqualToFull();
    expect(await land()).toMatchObject({ rows: 0, changed: 2 });
  });

  test("an added column, a dropped one and a table made anew are read whole, once", async () => {
    for (const sql of ["alter table res_partner add column country text default 'BE'", "alter table res_partner drop column country; alter table res_partner add column country text default 'NL'", "create table copied (like res_partner including all); insert into copied select * from res_partner where id <= 100; drop table res_partner; alter table copied rename to res_partner; alter publication partners add table res_partner"]) {
      await source.query(sql);
      expect((await land()).changed).toBe(1);
      await expectEqualToFull();
      expect(await land()).toMatchObject({ rows: 0, changed: 2 });
    }
  });

  test("a repeat that puts older rows in place takes the position back with them", async () => {
    await source.query("update res_partner set name = 'one' where id = 1");
    const { record } = await land();
    await source.query("update res_partner set name = 'two' where id = 1");
    await land();
    await runSpec(environment, incremental, { repeats: record });
    expect(await land()).toMatchObject({ rows: 1, changed: 2 });
    await expectEqualToFull();
    await runSpec(environment, full);
    expect((await land()).changed).toBe(0);
  });

  test("a verification lands the recorded rows again with equal hashes", async () => {
    await source.query("update res_partner set name = 'one' where id = 1");
    const { record } = await land();
    await source.query("delete from res_partner where id = 1");
    const verified = await runSpec(environment, incremental, { repeats: record, isolated: true });
    expect(verified.hashes).toEqual(record.hashes);
  });

  test("killed at any point no row is lost or doubled", async () => {
    const change = fc.constantFrom(
      "insert into res_partner select max(id) + 1, 'new', true, 0, null, null from res_partner", "delete from res_partner where id = (select min(id) from res_partner)",
      "update res_partner set name = name || '!' where id % 40 = 0", "update partner_tag_rel set tag_id = tag_id + 10 where partner_id % 50 = 1",
    );
    const step = fc.record({ change, kill: fc.constantFrom("before", "read", "staged", "publish", "registering", "never", ...(mode === "cdc" ? ["slot"] : [])), retried: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 3 }), async (steps) => {
        for (const { change: sql, kill, retried } of steps) {
          await source.query(sql);
          const die = (here: boolean): void => {
            if (here) throw new Error("killed");
          };
          let attempt: RunRecord | undefined;
          const killed = land({
            beforePhase: (name) => die((kill === "before" && name === "land") || (kill === "publish" && name === "publish")),
            onProgress: (message) => die((kill === "slot" && message.startsWith("The replication slot")) || (kill === "read" && message.startsWith("Read")) || (kill === "staged" && message.startsWith("Staged"))),
            publishFails: kill === "registering",
            onStart: (record) => void (attempt = record),
          });
          const death = await killed.then(() => null, (error: unknown) => String(error));
          // A slot is advanced only where an earlier landing was registered.
          if (kill !== "slot") expect(death).toEqual(kill === "never" ? null : expect.stringMatching(/killed|went away/));
          if (death !== null && retried) {
            await source.query(sql);
            await land({ attempt_of: attempt! });
          }
        }
        await land();
        await expectEqualToFull();
      }),
      { numRuns: 2 },
    );
  });
});
});

describe.each(["full", "incremental", "cdc"] as const)("of some companies, mode %s", (mode) => {
  const landed = async (companies: string[], kind: string = mode, into = environment): Promise<{ orders: string[]; companies: string[]; tags: string[]; record: RunRecord }> => {
    const { spec, errors } = checkSpec(`
version: 1
name: bronze
phases:
  - name: land
    type: ingest
    config:
      source: odoo
      mode: ${kind}
      ${kind === "cdc" ? "cdc: { slot: control_room, publication: orders }" : ""}
      companies: ${JSON.stringify(companies)}
      tables: [{ name: res_company, key: [id] }, { name: sale_order, key: [id] }, { name: tag_rel, key: [order_id, tag_id] }]
  - { name: publish, type: publish, depends_on: [land] }`);
    if (spec === null) throw new Error(JSON.stringify(errors));
    const record = await runSpec(into, spec);
    const asked = await runSpec(into, checkSpec({ version: 1, name: "ask", phases: [{ name: "ask", type: "query", config: {
      inputs: ["bronze.res_company", "bronze.sale_order", "bronze.tag_rel"], sample_rows: 100,
      sql: "select 'orders' as kind, id, name from bronze.sale_order union all select 'companies', id, name from bronze.res_company union all select 'tags', order_id, null from bronze.tag_rel order by all",
    } }] }).spec!);
    const { sample } = JSON.parse(await asked.artifacts.get("ask.result.json")!.text()) as { sample: [kind: string, id: number, name: string | null][] };
    const of = (name: string) => sample.filter(([kind]) => kind === name).map(([, id, said]) => `${id} ${said}`);
    return { orders: of("orders"), companies: of("companies"), tags: of("tags"), record };
  };
  beforeEach(async () => {
    await source.query(`
      select pg_drop_replication_slot(slot_name) from pg_replication_slots; drop publication if exists orders; drop schema public cascade; create schema public;
      create table res_company (id int primary key, name text); insert into res_company values (1, 'Azure'), (2, 'Bloem'), (3, 'Ceder');
      create table sale_order (id int primary key, name text, company_id int);
      insert into sale_order select i, 'order', case when i % 4 > 0 then i % 4 end from generate_series(1, 8) i;
      create table tag_rel (order_id int, tag_id int, primary key (order_id, tag_id)); insert into tag_rel values (3, 1);
      create publication orders for table res_company, sale_order, tag_rel`);
    environment = newEnvironment(pathToFileURL(`${folder}/${randomBytes(4).toString("hex")}/`), { odoo: server.superuser_url("postgres") });
    await mkdir(environment.scratch, { recursive: true });
  });

  test("their rows and those of no company land, a table without a company whole, and what moves between companies comes and goes", async () => {
    expect(await landed(["Azure", "Bloem"])).toMatchObject({ companies: ["1 Azure", "2 Bloem"], orders: ["1 order", "2 order", "4 order", "5 order", "6 order", "8 order"], tags: ["3 null"] });
    await source.query(`
      insert into sale_order values (9, 'of another', 3), (10, 'shared', null), (11, 'ours', 2); update sale_order set name = 'still another' where id = 3;
      update sale_order set company_id = 3 where id in (1, 4); update sale_order set company_id = 1, name = 'arrived' where id = 7; delete from sale_order where id in (2, 3); insert into res_company values (4, 'Dal')`);
    const { orders, companies, record } = await landed(["Azure", "Bloem"]);
    expect({ orders, companies }).toEqual({ companies: ["1 Azure", "2 Bloem"], orders: ["5 order", "6 order", "7 arrived", "8 order", "10 shared", "11 ours"] });
    const other = { ...newEnvironment(pathToFileURL(`${folder}/`), environment.connections), lake: `${environment.lake}-${randomBytes(4).toString("hex")}`, scratch: environment.scratch };
    expect(record.outputs.get("land")!.tables).toEqual((await landed(["Azure", "Bloem"], "full", other)).record.outputs.get("land")!.tables);
  });

  test.skipIf(mode === "full")("with another list of companies rows come and go that nobody wrote, and a company that has another name now is refused", async () => {
    await landed(["Azure"]);
    expect((await landed(["Azure", "Ceder"])).orders).toEqual(["1 order", "3 order", "4 order", "5 order", "7 order", "8 order"]);
    expect((await landed(["Ceder"])).orders).toEqual(["3 order", "4 order", "7 order", "8 order"]);
    await source.query("update res_company set name = 'Cedar' where id = 3");
    await expect(landed(["Ceder"])).rejects.toMatchObject({ code: "source_company_missing" });
  });
});

/** 400,000 orders with keys from 1 on, so four slices of 2^17 keys. */
describe.each(["incremental", "cdc"] as const)("a table that is divided by its key, mode %s", (following) => {
  const orders = (mode: string) => {
    const { spec, errors } = checkSpec(`
version: 1
name: orders
phases:
  - name: land
    type: ingest
    config: { source: odoo, mode: ${mode}, ${mode === "cdc" ? "cdc: { slot: control_room, publication: orders }, " : ""}tables: [{ name: sale_order_line, key: [id] }] }
  - { name: publish, type: publish, depends_on: [land] }`);
    if (spec === null) throw new Error(JSON.stringify(errors));
    return spec;
  };
  const files = (record: RunRecord): Map<number, string> => new Map(record.outputs.get("land")!.tables[0]!.files.map((file) => [file.slice!.number, file.path]));
  const rowsRead = (record: RunRecord): number => Number(/Read 1 tables with (\d+) rows/.exec(record.messages.find((message) => message.startsWith("land: Read"))!)![1]);
  let before: RunRecord;

  /** Lands the change; the numbers of the slices whose file is another one now. What is registered is what a full landing writes. */
  async function changed(sql: string): Promise<{ read: number; slices: number[]; record: RunRecord }> {
    await source.query(sql);
    const record = await runSpec(environment, orders(following));
    const [old, present] = [files(before), files(record)];
    before = record;
    const other = { ...newEnvironment(pathToFileURL(`${folder}/`), environment.connections), lake: `${environment.lake}-${randomBytes(4).toString("hex")}`, scratch: environment.scratch };
    const full = await runSpec(other, { ...orders("full"), phases: orders("full").phases.slice(0, 1) });
    expect(record.outputs.get("land")!.tables).toEqual(full.outputs.get("land")!.tables);
    return { read: rowsRead(record), slices: [...new Set([...old.keys(), ...present.keys()])].filter((number) => old.get(number) !== present.get(number)), record };
  }

  beforeAll(async () => {
    await source.query(`select pg_drop_replication_slot(slot_name) from pg_replication_slots; drop publication if exists orders; drop schema public cascade; create schema public;
      create table sale_order_line (id int primary key, name text, price numeric(16,2)); create publication orders for table sale_order_line;
      insert into sale_order_line select i, 'line ' || i, i * 1.10 from generate_series(1, 400000) i`);
    environment = newEnvironment(pathToFileURL(`${folder}/${randomBytes(4).toString("hex")}/`), { odoo: server.superuser_url("postgres") });
    await mkdir(environment.scratch, { recursive: true });
    before = await runSpec(environment, orders(following));
    expect([...files(before).keys()]).toEqual([0, 1, 2, 3]);
  });

  const [incrementally, byTheLog] = [following === "incremental", following === "cdc"];
  const cases: [what: string, sql: string, rows: number, slices: number[]][] = [
    ["a new row", "insert into sale_order_line values (400001, 'new', 1)", 1, [3]],
    ["a row without a change of its key", "update sale_order_line set price = 0 where id = 5", 1, [0]],
    ["a deleted row", "delete from sale_order_line where id = 200000", 0, [1]],
    ["a row that was deleted and one that came in its place", "delete from sale_order_line where id = 200001; insert into sale_order_line values (200000, 'again', 2)", 1, [1]],
    ["keys below zero", "insert into sale_order_line values (-7, 'below', 1)", 1, [0]],
    ["nothing", "select 1", 0, []],
    ["a whole slice deleted", "delete from sale_order_line where id between 131072 and 262143", 0, [1]],
  ];
  test.each(incrementally ? cases : [])("%s: no more is read than that, and the files of other ranges stay", async (_, sql, read, slices) => {
    expect(await changed(sql)).toMatchObject({ read, slices });
  });

  test.runIf(byTheLog)("what the log has is written into the files of its ranges alone", async () => {
    expect(await changed("insert into sale_order_line values (400001, 'new', 1), (-7, 'below', 1); delete from sale_order_line where id = 400001; update sale_order_line set price = 0 where id = 200001")).toMatchObject({ read: 4, slices: [0, 1] });
    expect(await changed("select 1")).toMatchObject({ read: 0, slices: [] });
    expect(await changed("update sale_order_line set id = 400002 where id = 5")).toMatchObject({ read: 2, slices: [0, 3] });
  });

  test("rows that ask for another division are divided anew, as a full landing does", async () => {
    expect((await changed("insert into sale_order_line select i, 'far', 0 from generate_series(600001, 600010) i")).read > 200_000).toBe(incrementally);
    expect((await changed("delete from sale_order_line where id > 600000")).slices.length).toBeGreaterThan(0);
  });

  test.runIf(incrementally)("a verification and a repeat land the recorded files again, and the next landing goes on from there", async () => {
    const { record } = await changed("update sale_order_line set name = 'x' where id = 9");
    const verified = await runSpec(environment, orders(following), { repeats: record, isolated: true });
    expect(verified.hashes).toEqual(record.hashes);
    expect((await runSpec(environment, orders(following), { repeats: record })).hashes).toEqual(record.hashes);
    expect(await changed("update sale_order_line set name = 'y' where id = 10")).toMatchObject({ slices: [0] });
  });
});

describe("by the log alone", () => {
  beforeAll(() => void (incremental = pipeline("cdc")));
  beforeEach(landedAnew);

  test("a key that changes while a large text is not sent, and a table left out of the publication for a while, are read whole", async () => {
    await source.query("update res_partner set id = 9000 where id = 22");
    const { record, changed } = await land();
    expect(changed).toBe(1);
    expect(record.messages).toContain("land: Read res_partner whole: the log alone cannot tell its rows.");
    await expectEqualToFull();
    await source.query("alter publication partners drop table res_partner; update res_partner set name = 'unseen' where id = 1; alter publication partners add table res_partner");
    expect((await land()).changed).toBe(1);
    await expectEqualToFull();
  });

  test("a large text that was not sent is taken from the former row where the log has it", async () => {
    await source.query("alter table res_partner replica identity full");
    await land();
    await source.query("update res_partner set id = 9000 where id = 22; delete from res_partner where id = 23");
    expect(await land()).toMatchObject({ rows: 3, changed: 2 });
    await expectEqualToFull();
  });

  test("rows that were rewritten in place are read whole, since the log has nothing of it", async () => {
    await source.query("alter table res_partner alter column credit type numeric(16,2) using credit + 1");
    expect((await land()).changed).toBe(1);
    await expectEqualToFull();
  });

  test("killed after the slot was made, the next landing has everything", async () => {
    await source.query("select pg_drop_replication_slot('control_room')");
    environment.datasets.clear();
    const onProgress = (message: string): void => {
      if (message.includes("slot control_room was created")) throw new Error("killed");
    };
    await expect(land({ onProgress })).rejects.toThrow("killed");
    await source.query("insert into res_partner values (300, 'between')");
    expect(await land()).toMatchObject({ rows: 401, changed: 0 });
    await source.query("insert into res_partner values (301, 'after')");
    expect(await land()).toMatchObject({ rows: 1, changed: 2 });
    await expectEqualToFull();
  });

  test("the source keeps its log until what was read is registered, and lets it go then", async () => {
    const confirmed = async (): Promise<string> => (await source.query<{ lsn: string }>("select confirmed_flush_lsn::text as lsn from pg_replication_slots")).rows[0]!.lsn;
    await source.query("update res_partner set name = 'one' where id = 1");
    await land();
    const before = await confirmed();
    await expect(land({ publishFails: true })).rejects.toThrow("went away");
    const registered = await confirmed();
    expect(registered).not.toBe(before);
    await source.query("update res_partner set name = 'two' where id = 1");
    await expect(land({ publishFails: true })).rejects.toThrow("went away");
    expect(await confirmed()).toBe(registered);
    const { record } = await land();
    expect(record.metrics["land"]).toMatchObject({ slot: "control_room", slot_wal_status: "reserved", slot_lag_bytes: expect.any(Number) as number });
    await expectEqualToFull();
  });

  test("a slot that is gone is refused, and a resync makes it anew", async () => {
    await source.query("select pg_drop_replication_slot('control_room'); update res_partner set name = 'unseen' where id = 1");
    await expect(land()).rejects.toMatchObject({ code: "source_slot_lost", remedy: expect.stringContaining("cdc.resync") as string });
    expect(await land({ parameters: { resync: true } })).toMatchObject({ rows: 400, changed: 0 });
    await expectEqualToFull();
    expect((await land({ parameters: { resync: true } })).changed).toBe(0);
    expect(await land()).toMatchObject({ rows: 0, changed: 2 });
  });
});
