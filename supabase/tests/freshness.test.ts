import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { aClaim, anExecutor, aRun, aTenant, call, cronSecret, openWorld, refusal, request, specText, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: { token: string; executor_id: string };
beforeAll(async () => {
  world = await openWorld(12);
});
afterAll(() => world?.drop());
beforeEach(async () => {
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});

const service = { token: cronSecret };
const promise = (name: string, ...freshness: { dataset: string; group?: string; max_age_seconds: number; late_after_seconds?: number }[]) =>
  call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: JSON.stringify({ ...(JSON.parse(specText(["work"], name)) as object), freshness }) });
const targets = async () => (await world.owner.query("select dataset, max_age_seconds, late_after_seconds from ops.freshness_targets where project_id = $1 order by dataset, max_age_seconds", [tenant.project_id])).rows;
const states = async () => request<{ name: string; state: string; [column: string]: unknown }>(world, tenant.api, "select * from ops.freshness_list where environment_id = $1 order by name", [tenant.environment_id]);

/** A dataset whose versions were published so many seconds ago, with data of then. */
async function published(name: string, ...ages: number[]): Promise<void> {
  const run_id = await aRun(world, tenant);
  const { rows } = await world.owner.query("insert into ops.datasets (environment_id, name, current_version) values ($1, $2, $3) on conflict on constraint dataset_name_is_unique_in_its_environment do update set current_version = datasets.current_version + excluded.current_version returning dataset_id, current_version", [tenant.environment_id, name, ages.length]);
  for (const [index, age] of ages.entries()) {
    await world.owner.query(`insert into ops.dataset_versions (dataset_id, version, environment_id, run_id, phase, table_version, format, location, content_sha256, row_count, byte_size, columns, data_at, created_at)
      values ($1, $2::int, $3, $4, 'work', $2::int, 'delta', 'x', repeat('0', 64), 1, 1, '[]', now() - make_interval(secs => $5), now() - make_interval(secs => $5))`, [rows[0].dataset_id, rows[0].current_version - ages.length + index + 1, tenant.environment_id, index === 0 ? run_id : await aRun(world, tenant), age]);
  }
}

type Lease = Awaited<ReturnType<typeof aClaim>>["lease"];
async function working(type = "query"): Promise<Lease> {
  const run_id = await aRun(world, tenant, { spec_text: specText(["work"]).replace('"query"', `"${type}"`) });
  const { lease } = await aClaim(world, executor, { run_id, lease_seconds: 600 });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "running" } });
  return lease;
}
async function publish(lease: Lease, ...names: string[]): Promise<string[]> {
  const { items } = await call(world, executor, "begin_publish", { ...lease, phase: "work", datasets: names });
  const times: string[] = [];
  for (const name of names) {
    const table_version = Number(items.find((each) => each.name === name)?.base_table_version) + 1;
    const made = await call(world, executor, "publish_dataset", { ...lease, dataset: { phase: "work", name, layer: null, table_version, format: "delta", location: "x", content_sha256: "0".repeat(64), row_count: 1, byte_size: 1, columns: [] } });
    times.push(new Date(made.data_at).toISOString());
  }
  return times;
}

test("data are as old as the oldest that a run read: sources as of the claim, tables as of what they were made of", async () => {
  await published("bronze.old", 5000);
  const [old] = (await world.owner.query("select data_at from ops.dataset_versions where environment_id = $1", [tenant.environment_id])).rows;
  const landing = await working();
  await call(world, executor, "pin_inputs", { ...landing, sources: { work: { connection: "odoo" } } });
  const claimed = (await world.owner.query("select claimed_at from ops.leases where run_id = $1", [landing.run_id])).rows[0].claimed_at.toISOString();
  expect(await publish(landing, "bronze.fresh")).toEqual([claimed]);

  const derived = await working();
  await call(world, executor, "pin_inputs", { ...derived, datasets: ["bronze.fresh", "bronze.old"] });
  expect(await publish(derived, "silver.both")).toEqual([old.data_at.toISOString()]);

  const onward = await working();
  await call(world, executor, "pin_inputs", { ...onward, datasets: ["silver.both"] });
  expect(await publish(onward, "gold.far")).toEqual([old.data_at.toISOString()]);
});

test("tables that a run merges into and versions of the past make nothing old, and a repetition is of when its original read", async () => {
  await published("bronze.a", 5000);
  await published("bronze.b", 5000);
  const merging = await working();
  await call(world, executor, "pin_inputs", { ...merging, datasets: ["bronze.a", "bronze.b", "bronze.a@1"], sources: { work: { connection: "odoo" } } });
  const claimed = (await world.owner.query("select claimed_at from ops.leases where run_id = $1", [merging.run_id])).rows[0].claimed_at.toISOString();
  expect(await publish(merging, "bronze.a", "bronze.b")).toEqual([claimed, claimed]);
  await call(world, executor, "set_phase", { ...merging, name: "work", patch: { status: "succeeded" } });
  await call(world, executor, "complete_run", merging);

  const { run_id } = await call(world, tenant.api, "retry_run", { run_id: merging.run_id });
  const { lease } = await aClaim(world, executor, { run_id, lease_seconds: 600 });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "running" } });
  await call(world, executor, "pin_inputs", { ...lease, sources: { work: { connection: "odoo" } } });
  expect(await publish(lease, "bronze.a", "bronze.b")).toEqual([claimed, claimed]);
});

test("a table that was taken care of is as old as it was", async () => {
  await published("silver.scattered", 9000, 5000);
  const [{ data_at }] = (await world.owner.query("select max(data_at) as data_at from ops.dataset_versions where environment_id = $1", [tenant.environment_id])).rows;
  expect(await publish(await working("maintain"), "silver.scattered")).toEqual([data_at.toISOString()]);
});

test("a dataset is ok, late and breached by the age of its data, and the strictest promise of the current versions counts", async () => {
  for (const [name, age] of [["gold.ok", 10], ["gold.late", 810], ["gold.breached", 1010], ["gold.nobody", 9999]] as const) await published(name, age);
  await promise("one", { dataset: "gold.ok", max_age_seconds: 1000 }, { dataset: "gold.late", max_age_seconds: 1000 }, { dataset: "gold.breached", max_age_seconds: 2000 });
  await promise("two", { dataset: "gold.breached", max_age_seconds: 1000, late_after_seconds: 500 }, { dataset: "gold.never_published", max_age_seconds: 1 });
  expect((await states()).map(({ name, state, late_after_seconds, max_age_seconds }) => [name, state, late_after_seconds, max_age_seconds])).toEqual([["gold.breached", "breached", 500, 1000], ["gold.late", "late", 800, 1000], ["gold.ok", "ok", 800, 1000]]);
  await promise("two");
  expect(await targets()).toEqual([{ dataset: "gold.breached", max_age_seconds: 2000, late_after_seconds: 1600 }, { dataset: "gold.late", max_age_seconds: 1000, late_after_seconds: 800 }, { dataset: "gold.ok", max_age_seconds: 1000, late_after_seconds: 800 }]);
  expect((await states())[0]).toMatchObject({ name: "gold.breached", state: "ok" });
});

test("a breach is forecast where the next version, by the cadence, comes too late, or one was missed", async () => {
  await published("gold.steady", 3600, 2600, 1600, 600);
  await published("gold.missed", 3500, 2500, 1500);
  await published("gold.new", 1600, 600);
  const at = async (max_age_seconds: number) => {
    await promise("one", ...["gold.steady", "gold.missed", "gold.new"].map((dataset) => ({ dataset, max_age_seconds })));
    return Object.fromEntries((await states()).map(({ name, forecast_breach_at, breach_at }) => [name, forecast_breach_at === null ? null : String(forecast_breach_at) === String(breach_at)]));
  };
  // The next are expected 400 s (steady) and 500 s (missed) from now.
  expect(await at(10000)).toEqual({ "gold.steady": null, "gold.missed": null, "gold.new": null });
  expect(await at(1800)).toEqual({ "gold.steady": null, "gold.missed": true, "gold.new": null });
  expect(await at(900)).toEqual({ "gold.steady": true, "gold.missed": null, "gold.new": null }); // missed has broken its promise already
  expect((await states()).map(({ name, cadence_seconds }) => [name, cadence_seconds === null ? null : Math.round(Number(cadence_seconds))])).toEqual([["gold.missed", 1000], ["gold.new", null], ["gold.steady", 1000]]);
});

const look = async () => {
  await world.owner.query("update ops_private.freshness_monitor set looked_at = '-infinity' where only_row");
  await Promise.all(Array.from({ length: 4 }, () => call(world, service, "check_freshness", {})));
};

test("a promise for a table group is one for each table that lands in it, and a table's own goes before it", async () => {
  const ingest = { name: "land", type: "ingest", config: { source: "odoo", tables: [{ name: "move", group: "finance", key: ["id"] }, { name: "line", group: "finance", key: ["id"] }, { name: "order", group: "operations", key: ["id"] }, { name: "free", key: ["id"] }] } };
  const spec = { version: 1, name: "landing", phases: [ingest], freshness: [{ group: "finance", max_age_seconds: 100 }, { dataset: "bronze.line", max_age_seconds: 50 }, { dataset: "bronze.order", group: "stock", max_age_seconds: 200 }] };
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: JSON.stringify(spec) });
  const { rows } = await world.owner.query("select dataset, table_group, max_age_seconds from ops.freshness_targets where project_id = $1 order by dataset", [tenant.project_id]);
  expect(rows).toEqual([{ dataset: "bronze.line", table_group: "finance", max_age_seconds: 50 }, { dataset: "bronze.move", table_group: "finance", max_age_seconds: 100 }, { dataset: "bronze.order", table_group: "stock", max_age_seconds: 200 }]);
  await published("bronze.move", 5);
  expect((await states()).map(({ name, table_group }) => [name, table_group])).toEqual([["bronze.move", "finance"]]);
});

test("a broken promise is told to the webhook once: for a group as one message, and not again while a table of it still breaks it", async () => {
  const told = async () => (await world.owner.query("select payload -> 'data' as data from ops.webhook_deliveries where project_id = $1 and type = 'dataset.breached' order by delivery_id", [tenant.project_id])).rows.map(({ data }) => [data.table_group, data.datasets, data.first.map((each: { dataset: string }) => each.dataset), data.path, data.environment]);
  await call(world, tenant.api, "put_webhook", { project_id: tenant.project_id, url: "https://hooks.example.com/a" });
  await published("gold.a", 5000);
  await published("gold.b", 4000);
  await published("gold.c", 5);
  await published("gold.alone", 9000);
  const all = (max_age_seconds: number) => promise("one", ...["gold.a", "gold.b", "gold.c"].map((dataset) => ({ dataset, group: "finance", max_age_seconds })), { dataset: "gold.alone", max_age_seconds });
  await all(3000);
  await look();
  const first = [[null, 1, ["gold.alone"], "/datasets/gold.alone", "dev"], ["finance", 2, ["gold.a", "gold.b"], "/datasets", "dev"]];
  expect((await told()).toSorted((a, b) => a[1] - b[1])).toEqual(first);
  // A third table of the group breaks it too: whoever was told knows already.
  await all(2);
  await look();
  expect(await told()).toHaveLength(2);
  // All fresh, then broken again: told again.
  await all(100_000);
  await look();
  await all(3000);
  await look();
  expect((await told()).slice(2).map(([group, datasets]) => [group, datasets]).toSorted()).toEqual([["finance", 2], [null, 1]].toSorted());
  // Nothing for a webhook that does not want it.
  await call(world, tenant.api, "put_webhook", { project_id: tenant.project_id, url: "https://hooks.example.com/a", events: ["run.failed"] });
  await all(100_000);
  await look();
  await all(3000);
  await look();
  expect(await told()).toHaveLength(4);
});

test("the monitor records each change once, whoever looks, and says nothing of what was always fresh", async () => {
  const look = async () => {
    await world.owner.query("update ops_private.freshness_monitor set looked_at = '-infinity' where only_row");
    await Promise.all(Array.from({ length: 8 }, () => call(world, service, "check_freshness", {})));
    return (await request<{ dataset: string; state: string }>(world, tenant.api, "select dataset, state from ops.freshness_signals where environment_id = $1 order by signal_id", [tenant.environment_id])).map(({ dataset, state }) => [dataset, state]);
  };
  await published("gold.a", 5000);
  await published("gold.b", 5);
  await promise("one", { dataset: "gold.a", max_age_seconds: 3000 }, { dataset: "gold.b", max_age_seconds: 3000 });
  expect(await look()).toEqual([["gold.a", "breached"]]);
  expect(await look()).toEqual([["gold.a", "breached"]]);
  await published("gold.a", 2500);
  expect(await look()).toEqual([["gold.a", "breached"], ["gold.a", "late"]]);
  await published("gold.a", 1);
  expect(await look()).toEqual([["gold.a", "breached"], ["gold.a", "late"], ["gold.a", "ok"]]);
  expect(await call(world, service, "check_freshness", {})).toBe(0);
  expect(await refusal(call(world, tenant.api, "check_freshness", {}))).toMatchObject({ code: "forbidden" });
});
