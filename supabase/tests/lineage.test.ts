import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TableLineage } from "../../contracts/dataset.ts";
import type { OpenLineageEvent } from "../../contracts/lineage.ts";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, call, openWorld, refusal, specText, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(4);
});
afterAll(() => world?.drop());

/** A moment of one of the last days: what is half a year old is forgotten. */
const day = (number: number, hour: number, second = 0) => new Date(Math.floor(Date.now() / 86_400_000 - 9 + number) * 86_400_000 + hour * 3_600_000 + second * 1000).toISOString();
type Io = NonNullable<OpenLineageEvent["inputs"]>[number];
const table = (name: string, facets: Io["facets"] = {}): Io => ({ namespace: "Postgresql://User:Secret@WAREHOUSE:5432/", name, facets });
const columnsFrom = (fields: Record<string, [dataset: string, column: string][]>) => ({ columnLineage: { fields: Object.fromEntries(Object.entries(fields).map(([field, from]) => [field, { inputFields: from.map(([name, column]) => ({ ...table(name), field: column })) }])) } });

function anEvent(job: string, more: Partial<OpenLineageEvent> = {}): OpenLineageEvent {
  return {
    eventType: "COMPLETE", eventTime: day(1, 10), producer: "https://example.test/emitter", schemaURL: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    run: { runId: randomUUID() }, job: { namespace: "jobs", name: job }, ...more,
  };
}
const record = (tenant: Tenant, ...events: OpenLineageEvent[]) => call(world, tenant.api, "record_lineage", { environment_id: tenant.environment_id, events });
const graph = (tenant: Tenant, more: object = {}) => call(world, tenant.api, "read_lineage", { environment_id: tenant.environment_id, ...more });
const idOf = async (tenant: Tenant, name: string) => (await graph(tenant)).items.find((each) => each.name === name)!.node_id;
/** Every edge by the names of its ends. */
async function edges(tenant: Tenant): Promise<string[]> {
  const { items } = await graph(tenant, { most: 2000 });
  const names = new Map(items.map((each) => [each.node_id, each.name]));
  return items.flatMap((each) => each.upstream.map((source) => `${names.get(source.node_id)} > ${each.name} by ${source.job}`)).toSorted();
}
const everyRow = async (tenant: Tenant) => (await world.owner.query(`select jsonb_build_array(${["lineage_datasets", "lineage_jobs", "lineage_io", "lineage_edges", "lineage_columns"].map((name) => `(select jsonb_agg(to_jsonb(t) order by t::text) from ops.${name} as t where environment_id = $1)`).join(", ")}) as all`, [tenant.environment_id])).rows[0].all;

/** Publishes a dataset in a run of a pipeline of its own, and answers the run's id. */
async function publish(tenant: Tenant, pipeline: string, name: string, options: { lineage?: TableLineage; columns?: string[]; reads?: string[]; sources?: Record<string, unknown>; version?: number } = {}): Promise<string> {
  const executor = await anExecutor(world, tenant);
  const run_id = await aRun(world, tenant, { spec_text: specText(["work"], pipeline) });
  const { lease } = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "running" } });
  if (options.reads || options.sources) await call(world, executor, "pin_inputs", { ...lease, datasets: options.reads ?? [], sources: options.sources ?? {} });
  await call(world, executor, "begin_publish", { ...lease, phase: "work", datasets: [name] });
  await call(world, executor, "publish_dataset", { ...lease, dataset: {
    phase: "work", name, layer: null, table_version: options.version ?? 0, format: "delta", location: "x", content_sha256: "a".repeat(64), row_count: 1, byte_size: 1,
    columns: (options.columns ?? ["id"]).map((column) => ({ name: column, type: "long" })), ...(options.lineage ? { lineage: options.lineage } : {}),
  } });
  return run_id;
}

test("the same events again, in any order and beside later ones, change nothing: rows stand for relations, not for events", async () => {
  const tenant = await aTenant(world);
  const started = anEvent("load", { eventType: "START", eventTime: day(1, 9), inputs: [table("db.s.a")] });
  const ended = { ...started, eventType: "COMPLETE" as const, eventTime: day(1, 10), inputs: [], outputs: [table("db.s.b", columnsFrom({ y: [["db.s.a", "x"]] }))] };
  await record(tenant, ended);
  await record(tenant, started);
  const before = await everyRow(tenant);
  await record(tenant, started, ended, started);
  await record(tenant, started);
  expect(await everyRow(tenant)).toEqual(before);
  expect(await edges(tenant)).toEqual(["db.s.a > db.s.b by load"]);
  for (let run = 0; run < 20; run += 1) await record(tenant, { ...ended, run: { runId: randomUUID() }, eventTime: day(2, 10, run) });
  const counts = (rows: unknown[][]) => rows.map((each) => each.length);
  expect(counts(await everyRow(tenant))).toEqual(counts(before));
});

test("inputs and outputs that a job tells one by one, out of order, become one edge; those of another job do not", async () => {
  const tenant = await aTenant(world);
  await record(tenant, anEvent("load", { eventType: "COMPLETE", outputs: [table("db.s.b")] }));
  await record(tenant, anEvent("other", { eventType: "START", inputs: [table("db.s.c")] }));
  expect(await edges(tenant)).toEqual([]);
  await record(tenant, anEvent("load", { eventType: "START", eventTime: day(1, 9), inputs: [table("db.s.a")] }));
  expect(await edges(tenant)).toEqual(["db.s.a > db.s.b by load"]);
});

test("a name is known again however it is written, and holds no password", async () => {
  const tenant = await aTenant(world);
  await record(tenant, anEvent("a", { inputs: [table("db.s.a"), { namespace: "s3a://Bucket", name: "gold/sales/" }, { namespace: "file:///", name: "/lake/" }] }));
  await record(tenant, anEvent("b", { inputs: [{ namespace: "postgres://warehouse", name: "db.s.a" }, { namespace: "s3://bucket", name: "gold/sales" }, { namespace: "file", name: "/lake" }] }));
  const { items } = await graph(tenant);
  expect(items.map(({ namespace, name }) => `${namespace} ${name}`).toSorted()).toEqual(["file /lake", "postgres://warehouse:5432 db.s.a", "s3://bucket gold/sales"]);
  expect(JSON.stringify(await everyRow(tenant))).not.toMatch(/secret/i);
});

test("another system's path to a table of the lake is that table, in its own environment alone, by name or by symlink", async () => {
  const tenant = await aTenant(world);
  const stranger = await aTenant(world);
  await publish(tenant, "gold", "gold.sales");
  const path = (of: Tenant) => ({ namespace: "s3://bucket", name: `lake/${of.environment_id}/gold/sales` });
  await record(tenant, anEvent("dashboard", { inputs: [path(tenant)], outputs: [table("bi.s.chart")] }));
  await record(tenant, anEvent("hive", { inputs: [{ namespace: "hive://h:9083", name: "gold.sales", facets: { symlinks: { identifiers: [{ ...path(tenant), type: "LOCATION" }] } } }], outputs: [table("bi.s.other")] }));
  await record(tenant, anEvent("spy", { inputs: [path(stranger)] }));
  const { items } = await graph(tenant, { dataset: "gold.sales", direction: "downstream" });
  expect(items.map(({ name, dataset, distance }) => [name, dataset, distance]).toSorted()).toEqual([["bi.s.chart", null, 1], ["bi.s.other", null, 1], ["gold.sales", "gold.sales", 0]]);
  expect((await graph(stranger)).items).toEqual([]);
  expect((await graph(tenant, { search: stranger.environment_id })).items).toMatchObject([{ dataset: null }]);
});

test("what a run publishes joins the graph with the columns of its SQL, and what it said before of the table is replaced", async () => {
  const tenant = await aTenant(world);
  const made = (column: string): TableLineage => ({ inputs: ["silver.orders"], columns: { total: [{ dataset: "silver.orders", column, kind: "AGGREGATION" }] }, rows: [{ dataset: "silver.orders", column: "state", kind: "FILTER" }] });
  await publish(tenant, "gold", "gold.sales", { columns: ["total"], lineage: made("amount") });
  expect(await edges(tenant)).toEqual(["silver.orders > gold.sales by gold"]);
  const of = async (column: string) => (await call(world, tenant.api, "read_column_lineage", { environment_id: tenant.environment_id, dataset: "gold.sales", column_name: column, direction: "upstream", depth: 5 })).items.filter((each) => each.distance < 0).map((each) => `${each.name}.${each.column}`);
  expect(await of("total")).toEqual(["silver.orders.amount"]);
  expect(await of("")).toEqual(["silver.orders.state"]);
  await publish(tenant, "gold", "gold.sales", { columns: ["total"], lineage: { ...made("net"), inputs: ["silver.orders"] }, version: 1 });
  expect(await of("total")).toEqual(["silver.orders.net"]);
});

test("a landed table is made of the source's table, column by column, under the name that other readers of it use", async () => {
  const tenant = await aTenant(world);
  await world.owner.query("insert into ops.connections (environment_id, name, kind, settings) values ($1, 'erp', 'odoo', '{\"host\": \"warehouse\", \"port\": 5432, \"database\": \"db\", \"user\": \"u\", \"sslmode\": \"require\"}')", [tenant.environment_id]);
  const source = (connection: string) => ({ work: { connection, kind: "odoo", schema: "s", tables: [{ name: "bronze.a", sha256: "x" }] } });
  await publish(tenant, "land", "bronze.a", { columns: ["id", "_run_id"], sources: source("erp") });
  await record(tenant, anEvent("dbt", { inputs: [table("db.s.a")], outputs: [table("db.s.b")] }));
  expect(await edges(tenant)).toEqual(["db.s.a > bronze.a by land", "db.s.a > db.s.b by dbt"]);
  const { items } = await call(world, tenant.api, "read_column_lineage", { environment_id: tenant.environment_id, dataset: "bronze.a", direction: "upstream" });
  expect(items.map((each) => `${each.name}.${each.column}`).toSorted()).toEqual(["bronze.a.id", "db.s.a.id"]);
  await publish(tenant, "land", "bronze.b", { sources: { work: { ...source("elsewhere").work, tables: [{ name: "bronze.b" }] } } });
  expect(await edges(tenant)).toContain("s.b > bronze.b by land");
});

test("who reads a dataset is listed, a run that publishes nothing among them", async () => {
  const tenant = await aTenant(world);
  await publish(tenant, "gold", "gold.sales");
  const reader = await publish(tenant, "report", "gold.other", { reads: ["gold.sales"] });
  await record(tenant, anEvent("dashboard", { inputs: [{ namespace: "file", name: `/lake/${tenant.environment_id}/gold/sales` }] }));
  const { rows } = await world.owner.query("select r.name, r.last_run_id from ops.lineage_reader_list as r join ops.lineage_datasets as d using (node_id) where d.name = 'gold.sales' and r.environment_id = $1 order by 1", [tenant.environment_id]);
  expect(rows).toMatchObject([{ name: "dashboard" }, { name: "report", last_run_id: reader }]);
});

test("a chain is walked as far as it was asked, a circle once, and pages join to the whole", async () => {
  const tenant = await aTenant(world);
  const names = Array.from({ length: 12 }, (_, at) => `db.s.t${String(at).padStart(2, "0")}`);
  await record(tenant, ...names.map((name, at) => anEvent(`to ${name}`, { inputs: [table(names[(at + 11) % 12]!)], outputs: [table(name)] })));
  const node_id = await idOf(tenant, "db.s.t05");
  const near = await graph(tenant, { node_id, direction: "both", depth: 2 });
  expect(near.items.map(({ name, distance }) => [name, distance])).toEqual([["db.s.t05", 0], ["db.s.t04", -1], ["db.s.t06", 1], ["db.s.t03", -2], ["db.s.t07", 2]]);
  const all = await graph(tenant, { node_id, direction: "downstream", depth: 20 });
  expect(all.items).toHaveLength(12);
  const pages = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await graph(tenant, { node_id, direction: "downstream", depth: 20, most: 5, ...(after === undefined ? {} : { after }) });
    pages.push(...page.items.map((each) => each.node_id));
    after = page.next;
  }
  expect(pages).toEqual(all.items.map((each) => each.node_id));
  expect((await refusal(graph(tenant, { node_id, depth: 21 }))).code).toBe("invalid_input");
  expect((await refusal(graph(tenant, { node_id: randomUUID() }))).code).toBe("not_found");
});

test("columns as a newer event tells them replace those of an older one, and an older one that comes late changes nothing", async () => {
  const tenant = await aTenant(world);
  const told = (time: string, fields: Parameters<typeof columnsFrom>[0]) => anEvent("m", { eventTime: time, inputs: [table("db.s.a")], outputs: [table("db.s.b", columnsFrom(fields))] });
  await record(tenant, told(day(2, 0), { y: [["db.s.a", "new"]] }));
  await record(tenant, told(day(1, 0), { y: [["db.s.a", "old"]], z: [["db.s.a", "old"]] }));
  const stored = async () => (await world.owner.query("select source_column, target_column from ops.lineage_columns where environment_id = $1 order by 1, 2", [tenant.environment_id])).rows;
  expect(await stored()).toEqual([{ source_column: "new", target_column: "y" }]);
  await record(tenant, told(day(3, 0), { y: [["db.s.a", "newest"]] }));
  expect(await stored()).toEqual([{ source_column: "newest", target_column: "y" }]);
});

test("an event dated ahead is of now: what really is newer still counts", async () => {
  const tenant = await aTenant(world);
  await record(tenant, anEvent("m", { eventTime: "2999-01-01T00:00:00Z", eventType: "START", outputs: [table("db.s.b", columnsFrom({ y: [["db.s.a", "ahead"]] }))] }));
  await record(tenant, anEvent("m", { eventTime: "2999-01-01T00:00:00Z", outputs: [table("db.s.b", columnsFrom({ y: [["db.s.a", "after"]] }))] }));
  expect((await world.owner.query("select source_column from ops.lineage_columns where environment_id = $1", [tenant.environment_id])).rows).toEqual([{ source_column: "after" }]);
});

test("what no client may send is refused with its place, whole, by the function itself", async () => {
  const tenant = await aTenant(world);
  const good = anEvent("m", { inputs: [table("db.s.a")] });
  const broken: Record<string, unknown>[] = [
    { ...good, eventTime: "yesterday" }, { ...good, run: { runId: "1" } }, { ...good, eventType: "DONE" }, { ...good, job: { name: "m" } }, { ...good, inputs: {} }, { ...good, inputs: [{ name: "a" }] },
    { eventTime: good.eventTime }, { ...good, inputs: Array.from({ length: 501 }, () => table("db.s.a")) }, { ...good, inputs: [table("a".repeat(1025))] },
    { ...good, inputs: Array.from({ length: 200 }, () => table("db.s.a")), outputs: Array.from({ length: 200 }, () => table("db.s.b")) },
  ];
  for (const each of broken) {
    const attempt = call(world, tenant.api, "record_lineage", { environment_id: tenant.environment_id, events: [good, each as OpenLineageEvent] });
    await expect(attempt, JSON.stringify(each).slice(0, 200)).rejects.toMatchObject({ message: "invalid_input", detail: expect.stringMatching(/^\/events\/1: /) });
  }
  expect((await refusal(record(tenant))).code).toBe("invalid_input");
  expect((await graph(tenant)).items).toEqual([]);
  const viewer = await anApiToken(world, tenant.project_id, "viewer");
  expect((await refusal(call(world, viewer, "record_lineage", { environment_id: tenant.environment_id, events: [good] }))).code).toBe("forbidden");
});

test("jobs and datasets that nobody told of for half a year are forgotten", async () => {
  const tenant = await aTenant(world);
  await record(tenant, anEvent("old", { eventTime: "2020-01-01T00:00:00Z", inputs: [table("db.s.a")], outputs: [table("db.s.b")] }));
  await record(tenant, anEvent("new", { eventTime: new Date().toISOString(), inputs: [table("db.s.c")] }));
  expect((await graph(tenant)).items.map(({ name }) => name)).toEqual(["db.s.c"]);
});

test("many who tell of the same datasets at once, in opposite orders, all succeed", async () => {
  const tenant = await aTenant(world);
  const names = Array.from({ length: 30 }, (_, at) => `db.s.t${at}`);
  await Promise.all(Array.from({ length: 8 }, (_, at) => record(tenant, ...(at % 2 === 0 ? names : names.toReversed()).map((name) => anEvent(`j ${name}`, { inputs: [table(name)], outputs: [table(`${name}x`)] })))));
  expect(await edges(tenant)).toHaveLength(30);
});
