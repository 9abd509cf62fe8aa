import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { searchHit, type SearchHit } from "../../contracts/search.ts";
import { aClaim, anApiToken, anExecutor, anObject, aRun, aTenant, call, openWorld, refusal, request, specText, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(4);
});
afterAll(() => world?.drop());

const search = async (tenant: Tenant, query: string, as: Caller = tenant.api): Promise<SearchHit[]> => searchHit.array().parse(await call(world, as, "search", { environment_id: tenant.environment_id, query }));
const found = (hits: SearchHit[], kind: SearchHit["kind"]) => hits.filter((hit) => hit.kind === kind).map(({ id }) => id);
const one = async (sql: string, values: unknown[]) => Object.values((await world.owner.query(sql, values)).rows[0] as Record<string, string>)[0] as string;

/** A pipeline, a schedule of it and a run that failed, registered an artifact, and reported an event of its own. */
async function filled(tenant: Tenant) {
  const executor = await anExecutor(world, tenant);
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "ageing_report") });
  const schedule_id = await one("insert into ops.schedules (environment_id, template_id, name, cron) select $1, template_id, 'every night', '0 2 * * *' from ops.job_templates where project_id = $2 returning schedule_id", [tenant.environment_id, tenant.project_id]);
  const run_id = await aRun(world, tenant, { template_key: "ageing_report", spec_text: undefined });
  const { lease } = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", lease);
  const event_id = randomUUID();
  await call(world, executor, "append_events", { ...lease, events: [{ event_id, type: "NOTE", message: "halfway", data: {} }] });
  const object = await anObject(world, tenant.environment_id, run_id);
  await call(world, executor, "register_artifact", { ...lease, artifact: { name: "report.html", kind: "report", content_type: "text/html", ...object } });
  await call(world, executor, "fail_run", { ...lease, error_code: "sql_error", error_message: "no such column", permanent: true });
  return { executor, schedule_id, run_id, event_id, sha256: object.sha256 };
}

test("an id or a hash that is pasted, or an address that holds it, finds its thing and nothing else", async () => {
  const tenant = await aTenant(world);
  const { executor, schedule_id, run_id, event_id, sha256 } = await filled(tenant);
  expect(await search(tenant, `https://control.example/o/a/b/c/runs/${run_id}?tab=logs`)).toMatchObject([{ kind: "run", id: run_id, title: "ageing_report", state: "failed", detail: "sql_error" }, { kind: "audit", id: run_id }]);
  expect(found(await search(tenant, executor.executor_id.toUpperCase()), "executor")).toEqual([executor.executor_id]);
  expect(await search(tenant, schedule_id)).toMatchObject([{ kind: "schedule", title: "every night", state: "active" }]);
  const event = (await search(tenant, event_id)).find(({ kind }) => kind === "event");
  expect(event).toMatchObject({ title: "NOTE", run_id });
  expect(await one("select event_id::text from ops.run_events where run_id = $1 and seq = $2", [run_id, event?.id])).toBe(event_id);
  for (const text of [sha256, sha256.slice(0, 8), `sha256:${sha256}`]) expect(await search(tenant, text), text).toMatchObject([{ kind: "artifact", title: "report.html", run_id }]);
  // As pages shorten it, and as a person types its beginning.
  for (const text of [`${run_id.slice(0, 8)}…${run_id.slice(-4)}`, run_id.slice(0, 23)]) expect(found(await search(tenant, text), "run"), text).toContain(run_id);
  expect(await search(tenant, randomUUID())).toEqual([]);
});

test("words find pipelines, schedules, executors and runs, each where every word occurs; signs of a pattern stand for themselves", async () => {
  const tenant = await aTenant(world);
  const { run_id, schedule_id } = await filled(tenant);
  const hits = await search(tenant, "AGEING");
  expect([found(hits, "pipeline"), found(hits, "schedule"), found(hits, "run")]).toEqual([["ageing_report"], [schedule_id], [run_id]]);
  expect(found(await search(tenant, "failed ageing"), "run")).toEqual([run_id]);
  expect(await search(tenant, "succeeded ageing")).toEqual([]);
  for (const text of ["", "  ", "%", "ageing%report", "\\", "ageing.report"]) expect(await search(tenant, text), text).toEqual([]);
  expect(found(await search(tenant, "_report"), "pipeline")).toEqual(["ageing_report"]);
});

test("a request id finds what the request changed, for who may read the audit log", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant);
  await request(world, tenant.api, "select ops.cancel_run($1)", [run_id], { "x-request-id": "Req-4711" });
  expect(await search(tenant, "req-4711")).toMatchObject([{ kind: "audit", id: run_id, title: "run.canceled" }]);
  expect(await search(tenant, "req-4711", await anApiToken(world, tenant.project_id, "operator"))).toEqual([]);
});

test("nobody finds what another tenant has, nor is told who its members are; a thing of another environment that one sees is found by its id", async () => {
  const [mine, theirs] = [await aTenant(world), await aTenant(world)];
  const { run_id, schedule_id, event_id, sha256, executor } = await filled(theirs);
  for (const text of [run_id, schedule_id, event_id, sha256, executor.executor_id, "ageing", "every night"]) expect(await search(mine, text), text).toEqual([]);
  expect((await refusal(search(theirs, run_id, mine.api))).code).toBe("not_found");
  const email = await one("select email from auth.users where id = $1", [theirs.user]);
  expect(found(await search(theirs, email, { user: theirs.user }), "member")).toHaveLength(1);
  expect(await search(theirs, email, await anApiToken(world, theirs.project_id, "editor"))).toEqual([]);
  expect(await search(mine, email)).toEqual([]);
  const prod = { ...theirs, environment_id: await one("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod') returning environment_id", [theirs.project_id]) };
  expect((await search(prod, run_id))[0]).toMatchObject({ kind: "run", environment_id: theirs.environment_id });
  expect(await search(prod, "failed ageing")).toEqual([]);
});

test("a search reads as much of ten thousand runs as of a thousand", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant);
  const fill = async (runs: number) => {
    await world.owner.query(
      "insert into ops.runs select copy.* from ops.runs as r, generate_series(1, $2::int) as n, lateral jsonb_populate_record(r, jsonb_build_object('run_id', ops_private.uuid_v7(), 'status', 'canceled', 'finished_at', now(), 'idempotency_key', null, 'priority', 100 + 0 * n)) as copy where r.run_id = $1", [run_id, runs]);
    await world.owner.query("vacuum analyze ops.runs");
  };
  const read = async (query: string) => {
    const client = await world.rest.connect();
    try {
      await client.query("begin");
      await client.query("select set_config('ops.principal', $1, true)", [JSON.stringify({ type: "token", id: randomUUID(), name: "t", project_id: tenant.project_id, role: "admin" })]);
      await client.query("set local role ops_token");
      const ask = "select ops.search($1, $2)";
      await client.query(ask, [tenant.environment_id, query]); // plans and catalogs are in the session's caches after this
      const { rows } = await client.query(`explain (analyze, buffers, format json) ${ask}`, [tenant.environment_id, query]);
      const plan = rows[0]["QUERY PLAN"][0].Plan;
      return (plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) as number;
    } finally {
      await client.query("rollback");
      client.release();
    }
  };
  const texts = ["nothing has this name", run_id, run_id.slice(0, 8), "0".repeat(64)];
  await fill(1_100);
  const few: number[] = [];
  for (const text of texts) few.push(await read(text));
  await fill(9_000);
  for (const [nth, text] of texts.entries()) expect(await read(text), text).toBeLessThan((few[nth] ?? 0) * 1.5 + 100);
});
