/**
 * OpenLineage held against what it says itself: its official examples are taken and their broken variants are not, what this product tells of
 * its runs fits the official schemas, and the events that real dbt, Spark and Trino sent join one graph with a table of the lake. Run: `npx tsx
 * supabase/tests/lineage.outside.ts`. Makes a venv in the cache folder with jsonschema from PyPI. Exits 1 at the first difference.
 */
import { deepStrictEqual, ok } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openLineageEvent, type OpenLineageEvent } from "../../contracts/lineage.ts";
import { lineageHome } from "../../contracts/words.ts";
import type { LineageRecords } from "../../contracts/lineage-receiver.ts";
import { eventsOf } from "../../lib/ops/openlineage-events.ts";
import { databaseUrl } from "../../scripts/stack/postgres-server.ts";
import { PASSWORD, ROOT, startTestServer, TEMPLATE } from "./support/test-server.ts";
import { aTenant, call } from "./world.ts";

const data = join(ROOT, "../shared/data/openlineage");
const json = (path: string): Record<string, unknown> => JSON.parse(readFileSync(join(data, path), "utf8")) as Record<string, unknown>;
const recorded = (emitter: string): Record<string, unknown>[] => readFileSync(join(data, `events_${emitter}.ndjson`), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);

/** Of a facet's name, where in an event it stands. */
const places: [RegExp, (event: Record<string, unknown>, facets: object) => object][] = [
  [/RunFacet$/, (event, facets) => ({ ...event, run: { ...(event.run as object), facets } })],
  [/JobFacet$/, (event, facets) => ({ ...event, job: { ...(event.job as object), facets } })],
  [/InputDatasetFacet$/, (event, facets) => ({ ...event, inputs: [{ namespace: "n", name: "a", inputFacets: facets }] })],
  [/./, (event, facets) => ({ ...event, outputs: [{ namespace: "n", name: "b", facets }] })],
];

function examples(): [name: string, event: Record<string, unknown>][] {
  const whole = json("spec/tests/example_full_event.json");
  const folders = readdirSync(join(data, "spec/tests"), { withFileTypes: true }).filter((each) => each.isDirectory()).map(({ name }) => name);
  const facets = folders.flatMap((folder) => readdirSync(join(data, "spec/tests", folder)).map((file): [string, Record<string, unknown>] => [
    `${folder}/${file}`, places.find(([pattern]) => pattern.test(folder))![1](whole, json(`spec/tests/${folder}/${file}`)) as Record<string, unknown>,
  ]));
  return [["example_full_event.json", whole], ...facets];
}

/** Each required part of the core left out, or made what it may not be. */
function brokenVariants(event: Record<string, unknown>): Record<string, unknown>[] {
  const { run, job } = event as { run: object; job: object };
  return [
    ...["eventTime", "producer", "schemaURL", "job"].map((key) => ({ ...event, [key]: undefined })), { ...event, eventTime: "yesterday" }, { ...event, producer: "no uri" }, { ...event, eventType: "DONE" },
    { ...event, run: { ...run, runId: "1" } }, { ...event, run: {} }, { ...event, job: { ...job, name: undefined } }, { ...event, job: { ...job, namespace: 7 } }, { ...event, inputs: "a" }, { ...event, outputs: [{ name: "b" }] },
    { ...event, outputs: [{ namespace: "n", name: "b", facets: { columnLineage: { fields: { x: { inputFields: [{ field: "y" }] } } } } }] },
  ];
}

/** A run as the database has it, and what it published. */
function ownEvents(): Record<string, unknown>[] {
  const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 12, 0, second)).toISOString();
  const run: LineageRecords["run"] = {
    run_id: "0192f2a0-0000-7000-8000-000000000001", environment_id: "0192f2a0-0000-7000-8000-00000000000e", template_key: "silver_to_gold", spec_slug: "silver_to_gold", git_sha: "a".repeat(40), scheduled_for: at(0),
    parent_run_id: "0192f2a0-0000-7000-8000-000000000002", parent_phase: "days", error_code: "quality_failed", error_message: "1 check failed", input_manifest: { datasets: { "silver.orders": { version: 3 } }, sources: { land: { connection: "erp", schema: "public", tables: [{ name: "bronze.partners" }] } } },
  };
  const phase = (name: string, type: string, more: object = {}): LineageRecords["phases"][number] => ({ name, type, engine: null, error_code: null, error_message: null, ...more });
  const moments: [LineageRecords["moments"][number]["type"], string | null][] = [
    ["RUN_STARTED", null], ["PHASE_STARTED", "land"], ["PHASE_SUCCEEDED", "land"], ["PHASE_STARTED", "make"], ["PHASE_FAILED", "make"], ["RUN_STARTED", null], ["PHASE_STARTED", "make"], ["PHASE_SUCCEEDED", "make"],
    ["PHASE_STARTED", "check"], ["PHASE_FAILED", "check"], ["RUN_FAILED", null],
  ];
  return eventsOf({
    run, quality: [{ phase: "check", position: 1, dataset: "gold.sales", check: "null_check", label: "gold.sales null_check (total)", severity: "fail", verdict: "fail", wrong: "1", seen: "3" }],
    phases: [phase("land", "ingest"), phase("make", "transform", { engine: "duckdb 1.5.5" }), phase("check", "validate", { error_code: "quality_failed" }), phase("load", "publish")],
    spec: { phases: [{ name: "make", type: "transform", config: { inputs: ["silver.orders"], tables: [{ name: "gold.sales", sql: "select 1" }] } }] },
    published: [{ name: "gold.sales", version: 1, phase: "load", row_count: "3", byte_size: "9", columns: [{ name: "total", type: "decimal(18,2)" }],
      lineage: { inputs: ["silver.orders"], columns: { total: [{ dataset: "silver.orders", column: "amount", kind: "AGGREGATION" }] }, rows: [{ dataset: "silver.orders", column: "state", kind: "FILTER" }] } }],
    moments: moments.map(([type, name], index) => ({ seq: index + 1, type, phase: name, created_at: at(index) })),
  });
}

// Every facet is held against the schema that its _schemaURL names, the event against the core's; what is not found is a mistake too.
const VALIDATOR = `
import glob, json, sys
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
folder = sys.argv[1]
schemas = [json.load(open(path)) for path in [folder + "/OpenLineage.json", *glob.glob(folder + "/facets/*.json")]]
registry = Registry().with_resources([(schema["$id"], Resource.from_contents(schema)) for schema in schemas])
known = {schema["$id"] for schema in schemas}
facets = 0
def check(value, ref, where):
  assert ref.split("#")[0] in known, f"{where}: {ref} is no official schema"
  errors = list(Draft202012Validator({"$ref": ref}, registry=registry, format_checker=FormatChecker()).iter_errors(value))
  assert not errors, f"{where}: {errors[0].message} at {list(errors[0].path)}"
def walk(value, where):
  global facets
  if isinstance(value, dict):
    if "_schemaURL" in value:
      facets += 1
      check(value, value["_schemaURL"], where)
    for key, each in value.items(): walk(each, where + "/" + key)
  elif isinstance(value, list):
    for at, each in enumerate(value): walk(each, f"{where}/{at}")
events = json.load(sys.stdin)
for at, event in enumerate(events):
  check(event, event["schemaURL"], f"event {at}")
  walk(event, f"event {at}")
print(json.dumps({"events": len(events), "facets": facets}))
`;

function officiallyValid(events: unknown[]): { events: number; facets: number } {
  const venv = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lakehouse-control-room", "jsonschema-4.25.1");
  if (!existsSync(join(venv, "bin", "jsonschema"))) {
    execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
    execFileSync(join(venv, "bin", "pip"), ["install", "--quiet", "jsonschema[format]==4.25.1"], { stdio: "inherit", timeout: 300_000 });
  }
  const { status, stdout, stderr } = spawnSync(join(venv, "bin", "python"), ["-c", VALIDATOR, join(data, "spec")], { input: JSON.stringify(events), encoding: "utf8", timeout: 120_000 });
  if (status !== 0) throw new Error(`the official schemas refuse it: ${stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(stdout) as { events: number; facets: number };
}

const all = examples();
for (const [name, event] of all) ok(openLineageEvent.safeParse(event).success, `${name} is refused: ${openLineageEvent.safeParse(event).error?.message}`);
let refused = 0;
for (const [name, event] of all) for (const broken of brokenVariants(event)) {
  ok(!openLineageEvent.safeParse(JSON.parse(JSON.stringify(broken))).success, `a broken variant of ${name} is taken: ${JSON.stringify(broken).slice(0, 300)}`);
  refused += 1;
}
console.log(`  ${all.length} official examples taken, ${refused} broken variants refused`);
const checked = officiallyValid(ownEvents());
ok(checked.events >= 8 && checked.facets >= 30, JSON.stringify(checked));
console.log(`  ${checked.events} events of a run with ${checked.facets} facets fit the official schemas`);

const server = await startTestServer();
const owner = new pg.Pool({ connectionString: databaseUrl(server.port, "postgres", PASSWORD, TEMPLATE) });
const rest = new pg.Pool({ connectionString: databaseUrl(server.port, "authenticator", PASSWORD, TEMPLATE) });
try {
  const tenant = await aTenant({ owner, rest });
  const { environment_id } = tenant;
  const home = lineageHome(environment_id);
  // The recorded engines worked on a lake, a bucket and databases of their machine: here their ends are the tables of this environment's lake, as their paths would be.
  const renamed = (text: string) => text
    .replaceAll('"name": "/lake"', `"name": "/lake/${environment_id}/silver/by_region"`).replaceAll('"name": "gold/sales"', `"name": "lake/${environment_id}/gold/sales"`)
    .replaceAll('"name": "lake.gold.sales"', `"name": "lake/${environment_id}/gold/sales"`).replaceAll('"name": "lake.silver.by_region"', `"name": "lake/${environment_id}/silver/by_region"`).replaceAll('"name": "mem.default.orders"', `"name": "lake/${environment_id}/silver/by_region"`);
  const emitters = ["dbt", "spark", "trino"].map((emitter) => recorded(emitter).map((event): OpenLineageEvent => {
    const now = { ...event, eventTime: new Date(Date.now() - 3_600_000 + Date.parse(event.eventTime as string) % 3_600_000).toISOString() };
    return openLineageEvent.parse(JSON.parse(renamed(JSON.stringify(now, null, 1))));
  }));
  for (const events of emitters.toReversed()) for (const event of events.toReversed()) await call({ owner, rest }, tenant.api, "record_lineage", { environment_id, events: [event] });
  const whole = await call({ owner, rest }, tenant.api, "read_lineage", { environment_id, most: 2000 });
  const rows = async () => (await owner.query("select (select count(*) from ops.lineage_edges) as edges, (select count(*) from ops.lineage_columns) as columns, (select count(*) from ops.lineage_jobs) as jobs")).rows[0] as object;
  const before = await rows();
  for (const events of emitters) await call({ owner, rest }, tenant.api, "record_lineage", { environment_id, events });
  deepStrictEqual(await rows(), before, "the same events again, in another order, add nothing");
  const focus = whole.items.find((each) => each.namespace === home && each.name === "silver.by_region");
  ok(focus !== undefined, `no silver.by_region in ${whole.items.map(({ namespace, name }) => `${namespace} ${name}`).join(", ")}`);
  const around = await call({ owner, rest }, tenant.api, "read_lineage", { environment_id, node_id: focus.node_id, direction: "upstream", depth: 5 });
  const names = around.items.map(({ name }) => name);
  for (const name of ["tpch.tiny.orders", "db.s.t"]) ok(names.includes(name), `${name} is not upstream of what dbt, Spark and Trino wrote: ${names.join(", ")}`);
  const { items: columns } = await call({ owner, rest }, tenant.api, "read_column_lineage", { environment_id, node_id: focus.node_id, direction: "upstream", depth: 5 });
  ok(columns.some((each) => each.name === "tpch.tiny.orders" && each.column === "totalprice"), "Trino's columns are not there");
  console.log(`  dbt, Spark and Trino joined: ${whole.items.length} datasets, ${JSON.stringify(before)}; upstream of silver.by_region: ${names.slice(1).join(", ")}`);
} finally {
  await Promise.all([owner.end(), rest.end()]);
  await server.stop();
}
