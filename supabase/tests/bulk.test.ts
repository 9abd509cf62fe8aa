import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { bulkFilter } from "../../contracts/bulk.ts";
import type { RpcArgs, RpcReturns } from "../../contracts/rpc.ts";
import { listRunsQuery } from "../../contracts/run.ts";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, brokenInvariants, call, claimSome, cronSecret, leaseOf, openWorld, refusal, statusOf, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let operator: { token: string };
let executor: { token: string; executor_id: string };
beforeAll(async () => {
  world = await openWorld(12);
});
afterAll(() => world?.drop());
beforeEach(async () => {
  tenant = await aTenant(world);
  operator = await anApiToken(world, tenant.project_id, "operator");
  executor = await anExecutor(world, tenant);
});

type Job = Extract<RpcReturns<"create_bulk">, { bulk_id: string }>;
type Request = RpcArgs<"create_bulk">["request"];
const bulk = async (request: Request, by: Caller = operator) => (await call(world, by, "create_bulk", { request })) as Job;
const slice = (at_most?: number) => call(world, { token: cronSecret }, "advance_bulk_jobs", at_most === undefined ? {} : { at_most });
const jobOf = async (bulk_id: string) => (await world.owner.query("select * from ops.bulk_list where bulk_id = $1", [bulk_id])).rows[0];
const itemsOf = async (bulk_id: string) => (await world.owner.query("select run_id, status, code, new_run_id from ops.bulk_items where bulk_id = $1 order by position", [bulk_id])).rows;
async function finished(bulk_id: string) {
  for (let turn = 0; turn < 1000 && (await jobOf(bulk_id)).status === "running"; turn++) await slice();
  return jobOf(bulk_id);
}
const queued = (count: number, more: Parameters<typeof aRun>[2] = {}) => Promise.all(Array.from({ length: count }, () => aRun(world, tenant, more)));
async function failed(): Promise<string> {
  const run_id = await aRun(world, tenant);
  await call(world, executor, "fail_run", { ...(await aClaim(world, executor, { run_id })).lease, error_code: "sql_error", error_message: "broken", permanent: true });
  return run_id;
}

test("a small job is over at once, a large one in slices, and only the runs that fit the filter are touched", async () => {
  const [few, many, others] = [await queued(3, { queue: "few", priority: 7 }), await queued(130), await queued(2, { labels: ["kept"] })];
  await world.owner.query("update ops.runs set error_code = 'wanted' where run_id = any ($1)", [many]);
  await world.owner.query("update ops.runs set error_code = 'few' where run_id = any ($1)", [few]);
  expect(await bulk({ filter: { error_code: "few" }, verb: "cancel", dry_run: true })).toEqual({ dry_run: true, total: 3 });
  expect(await bulk({ filter: { error_code: "few" }, verb: "cancel", reason: "too many" })).toMatchObject({ status: "finished", total: 3, done: 3, skipped: 0, refused: 0 });
  const job = await bulk({ filter: { error_code: "wanted" }, verb: "cancel" });
  expect(job).toMatchObject({ status: "running", total: 130, done: 50 });
  expect(await finished(job.bulk_id)).toMatchObject({ status: "finished", done: 130 });
  for (const run_id of [...few, ...many]) expect(await statusOf(world, run_id)).toBe("canceled");
  for (const run_id of others) expect(await statusOf(world, run_id)).toBe("queued");
  expect((await world.owner.query("select error_message from ops.runs where run_id = $1", [few[0]])).rows[0].error_message).toBe("too many");
});

test("an empty filter, a word that is not known and too many runs are refused, and nothing is done", async () => {
  const runs = await queued(4);
  for (const filter of [{}, { search: "  " }, { status: [] }, { search: "", status: [] }]) expect(await refusal(bulk({ filter, verb: "cancel" }))).toEqual({ code: "empty_filter", status: "PT400" });
  expect((await refusal(call(world, operator, "create_bulk", { request: { filter: { colour: "red" }, verb: "cancel" } as never }))).code).toBe("invalid_input");
  expect((await refusal(call(world, operator, "create_bulk", { request: { filter: { status: ["queued"] }, verb: "delete" } as never }))).code).toBe("invalid_input");
  expect(await refusal(bulk({ filter: { status: ["queued"] }, verb: "cancel", limit: 3 }))).toEqual({ code: "too_many_runs", status: "PT422" });
  for (const run_id of runs) expect(await statusOf(world, run_id)).toBe("queued");
});

test("the filter has the words of the runs list, and the database knows each of them", async () => {
  const words = Object.keys(listRunsQuery.shape).filter((word) => !["limit", "cursor"].includes(word));
  expect(Object.keys(bulkFilter.shape).toSorted()).toEqual([...words, "run_ids"].toSorted());
  const [run_id] = await queued(1);
  const now = new Date(Date.now() + 60_000).toISOString();
  const fitting: Request["filter"] = { environment_id: tenant.environment_id, status: ["queued"], kind: "pipeline", trigger: "api", search: "SAMP", checks: "passed", created_after: "2020-01-01T00:00:00Z", created_before: now, run_ids: [run_id as string] };
  const other: Request["filter"] = { template_key: "x", kind: "sql", trigger: "manual", executor_id: executor.executor_id, repairs_run_id: run_id as string, parent_run_id: run_id as string, schedule_id: run_id as string, backfill_id: run_id as string, error_code: "x", label: "gpu", tag: "x", checks: "failed", min_duration_seconds: 0, max_duration_seconds: 9, search: "100%", created_after: now, created_before: "2020-01-01T00:00:00Z", run_ids: [tenant.project_id], status: ["failed"] };
  expect(new Set([...Object.keys(fitting), ...Object.keys(other)])).toEqual(new Set([...words, "run_ids"]));
  for (const [word, value] of Object.entries(fitting)) expect(await bulk({ filter: { [word]: value }, verb: "cancel", dry_run: true }), word).toMatchObject({ total: 1 });
  for (const [word, value] of Object.entries(other)) expect(await bulk({ filter: { [word]: value }, verb: "cancel", dry_run: true }), word).toMatchObject({ total: 0 });
  for (const search of [run_id as string, (run_id as string).slice(0, 13)]) expect(await bulk({ filter: { search }, verb: "cancel", dry_run: true })).toMatchObject({ total: 1 });
});

test("the runs are fixed when the job is made; what ended meanwhile is skipped, and what the creator may no longer do is refused", async () => {
  await queued(60);
  const job = await bulk({ filter: { status: ["queued"] }, verb: "cancel" });
  const later = await aRun(world, tenant);
  const [first, second] = (await itemsOf(job.bulk_id)).filter((item) => item.status === "pending");
  await call(world, tenant.api, "cancel_run", { run_id: first.run_id });
  await world.owner.query("update ops.api_tokens set role = 'viewer' where token_sha256 = sha256(convert_to($1, 'UTF8'))", [operator.token]);
  await slice(2);
  expect((await itemsOf(job.bulk_id)).filter((item) => [first.run_id, second.run_id].includes(item.run_id))).toMatchObject([{ status: "skipped", code: "run_finished" }, { status: "refused", code: "forbidden" }]);
  await world.owner.query("update ops.api_tokens set revoked_at = now() where token_sha256 = sha256(convert_to($1, 'UTF8'))", [operator.token]);
  expect(await finished(job.bulk_id)).toMatchObject({ status: "finished", done: 50, skipped: 1, refused: 9 });
  expect((await itemsOf(job.bulk_id)).at(-1)).toMatchObject({ status: "refused", code: "token_invalid" });
  expect(await statusOf(world, later)).toBe("queued");
});

test("the audit log names who asked, also for what the scheduler did for them", async () => {
  await queued(70);
  const job = await bulk({ filter: { status: ["queued"] }, verb: "cancel" }, { user: tenant.user });
  await finished(job.bulk_id);
  const { rows } = await world.owner.query("select action, actor_type, actor_id, count(*)::int from ops.audit_log where project_id = $1 and action in ('bulk.created', 'run.canceled') group by 1, 2, 3 order by 1", [tenant.project_id]);
  expect(rows).toEqual([{ action: "bulk.created", actor_type: "user", actor_id: tenant.user, count: 1 }, { action: "run.canceled", actor_type: "user", actor_id: tenant.user, count: 70 }]);
  expect((await refusal(call(world, { user: tenant.user }, "advance_bulk_jobs", {}))).code).toMatch(/permission denied/);
});

test("an abort leaves the rest undone; a repeat answers the same; a finished job cannot be aborted", async () => {
  await queued(60);
  const job = await bulk({ filter: { status: ["queued"] }, verb: "cancel" });
  const aborted = await call(world, operator, "abort_bulk", { bulk_id: job.bulk_id });
  expect(aborted).toMatchObject({ status: "aborted", done: 50, skipped: 10 });
  expect(await call(world, operator, "abort_bulk", { bulk_id: job.bulk_id })).toEqual(aborted);
  expect(await slice()).toBe(0);
  expect((await world.owner.query("select count(*)::int as n from ops.runs where project_id = $1 and status = 'queued'", [tenant.project_id])).rows[0].n).toBe(10);
  const done = await bulk({ filter: { status: ["queued"] }, verb: "cancel" });
  expect((await refusal(call(world, operator, "abort_bulk", { bulk_id: done.bulk_id }))).code).toBe("illegal_transition");
  expect((await refusal(call(world, await anApiToken(world, tenant.project_id, "viewer"), "abort_bulk", { bulk_id: job.bulk_id }))).code).toBe("forbidden");
});

test("eight schedulers and a dying one make exactly one new run of each failed run", async () => {
  const old = await Promise.all(Array.from({ length: 65 }, () => failed()));
  await queued(2);
  const job = await bulk({ filter: { environment_id: tenant.environment_id }, verb: "retry", mode: "failed" });
  expect(job).toMatchObject({ total: 65, status: "running" });
  const dying = await world.owner.connect();
  await dying.query("begin");
  await dying.query("select ops_private.advance_bulk(j, 5) from ops.bulk_jobs as j where j.bulk_id = $1 for update", [job.bulk_id]);
  await dying.query("rollback");
  dying.release();
  await Promise.all(Array.from({ length: 8 }, async () => {
    while ((await jobOf(job.bulk_id)).status === "running") await slice(3);
  }));
  const items = await itemsOf(job.bulk_id);
  expect(items.map((item) => item.status)).toEqual(Array.from({ length: 65 }, () => "done"));
  const { rows } = await world.owner.query("select run_id, repairs_run_id, trigger from ops.runs where repairs_run_id = any ($1)", [old]);
  expect(rows).toHaveLength(65);
  expect(new Set(rows.map((row) => row.repairs_run_id))).toEqual(new Set(old));
  expect(new Set(items.map((item) => item.new_run_id))).toEqual(new Set(rows.map((row) => row.run_id)));
});

test("one idempotency key makes one job, however many ask at once", async () => {
  await queued(5);
  const request: Request = { filter: { status: ["queued"] }, verb: "cancel", idempotency_key: "k" };
  const jobs = await Promise.all(Array.from({ length: 8 }, () => bulk(request)));
  expect(new Set(jobs.map((job) => job.bulk_id)).size).toBe(1);
  expect((await refusal(bulk({ ...request, verb: "retry" }))).code).toBe("idempotency_conflict");
});

test("viewers and executors may not, and nobody reaches the runs of another tenant", async () => {
  const [run_id] = await queued(1);
  const stranger = await aTenant(world);
  const filter = { status: ["queued" as const] };
  for (const caller of [await anApiToken(world, tenant.project_id, "viewer"), executor]) expect((await refusal(bulk({ filter, verb: "cancel" }, caller))).code).toBe("forbidden");
  expect((await refusal(bulk({ filter: { environment_id: tenant.environment_id }, verb: "cancel" }, stranger.api))).code).toBe("not_found");
  expect(await bulk({ filter: { run_ids: [run_id as string] }, verb: "cancel" }, stranger.api)).toMatchObject({ total: 0, status: "finished" });
  expect(await statusOf(world, run_id as string)).toBe("queued");
});

test("jobs that cancel and repeat runs of few gates, beside eight executors, break no invariant and get stuck nowhere", async () => {
  const keys = ["a", "b", "c"];
  for (let made = 0; made < 90; made++) await aRun(world, tenant, { concurrency_key: keys[made % 3], concurrency_limit: 2 });
  const executors = await Promise.all(Array.from({ length: 8 }, () => anExecutor(world, tenant)));
  const jobs = [await bulk({ filter: { search: "sample", status: ["queued"] }, verb: "cancel", reason: "sweep" })];
  let over = false;
  const work = executors.map(async (by) => {
    while (!over) {
      for (const claim of await claimSome(world, by, { max_runs: 3 }).catch(() => [])) {
        await call(world, by, "fail_run", { ...leaseOf(claim), error_code: "x", error_message: "x", permanent: true }).catch(() => undefined);
      }
    }
  });
  jobs.push(await bulk({ filter: { status: ["failed", "canceled"] }, verb: "retry" }));
  for (const { bulk_id } of jobs) await Promise.all([finished(bulk_id), finished(bulk_id)]);
  over = true;
  await Promise.all(work);
  for (const { bulk_id } of jobs) expect(await jobOf(bulk_id)).toMatchObject({ status: "finished", refused: 0 });
  expect(await brokenInvariants(world)).toEqual([]);
});
