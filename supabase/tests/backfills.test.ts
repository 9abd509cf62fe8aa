import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RpcArgs } from "../../contracts/rpc.ts";
import { anApiToken, anExecutor, aClaim, brokenInvariants, call, openWorld, refusal, type World } from "./world.ts";
import { advanceAll, aTenantWithTemplate, crashing, endRun, type Scheduled } from "./schedules-world.ts";

let world: World;
let tenant: Scheduled;
beforeAll(async () => {
  world = await openWorld(16);
});
afterAll(() => world?.drop());

type Request = RpcArgs<"create_backfill">["request"];
const day = (number: number): string => new Date(Date.UTC(2026, 0, 1 + number)).toISOString();
/** A backfill of the first `days` days of 2026. */
function daysOf(days: number, more: Partial<Request> = {}): RpcArgs<"create_backfill"> {
  return {
    request: {
      environment_id: tenant.environment_id, template_key: "daily", cron: "0 0 * * *", time_zone: "UTC", range_start: day(0), range_end: day(days), parameters: {}, start_parameter: "day", end_parameter: "at",
      reprocess: "missing_only", direction: "oldest_first", max_active: 3, priority: 500, queue: "default", labels: [], max_attempts: 3, ...more,
    },
    starts: Array.from({ length: days }, (_, at) => day(at)),
  };
}
const create = async (...args: Parameters<typeof daysOf>) => (await call(world, tenant.api, "create_backfill", daysOf(...args))).backfill;
const itemsOf = async (id: string) => (await world.owner.query("select i.partition_start, i.outcome, i.reason, i.run_id, r.status, r.parameters, r.priority, r.trigger, r.scheduled_for from ops.backfill_items as i left join ops.runs as r using (run_id) where i.backfill_id = $1 order by 1", [id])).rows;
const progressOf = async (id: string) => (await world.owner.query("select status, progress, note from ops.backfill_list where backfill_id = $1", [id])).rows[0];
const openOf = async (id: string): Promise<string[]> => (await world.owner.query("select run_id from ops.runs where backfill_id = $1 and status in ('queued', 'claimed', 'running') order by run_id", [id])).rows.map((row) => row.run_id);
const ready = (id: string) => world.owner.query("update ops.backfills set advanced_at = advanced_at - interval '1 second' where backfill_id = $1", [id]);
async function advance(id: string): Promise<void> {
  await ready(id);
  await advanceAll(world);
}
async function freshTenant(): Promise<void> {
  tenant = await aTenantWithTemplate(world);
  await anExecutor(world, tenant);
}

test("each partition gets one run, with its bounds as parameters, in order, within the limit", async () => {
  await freshTenant();
  const { backfill_id, ...made } = await create(7, { parameters: { region: "south" }, priority: 321 });
  expect(made).toMatchObject({ status: "active", total: 7, template_version: 1, progress: { pending: 7, queued: 0 } });
  const seen: string[] = [];
  for (let rounds = 0; (await progressOf(backfill_id)).status === "active"; rounds += 1) {
    expect(rounds).toBeLessThan(20);
    await advance(backfill_id);
    const open = await openOf(backfill_id);
    expect(open.length).toBeLessThanOrEqual(3);
    seen.push(...open.filter((run) => !seen.includes(run)));
    if (open[0]) await endRun(world, open[0], rounds === 1 ? "failed" : "succeeded");
  }
  const items = await itemsOf(backfill_id);
  expect(items.map((item) => item.run_id)).toEqual(seen);
  expect(items[1]).toMatchObject({ priority: 321, trigger: "backfill", scheduled_for: new Date(day(1)), parameters: { day: "2026-01-02", at: "2026-01-03T00:00:00Z", region: "south" } });
  expect(await progressOf(backfill_id)).toMatchObject({ status: "completed", progress: { pending: 0, skipped: 0, queued: 0, running: 0, succeeded: 6, failed: 1, canceled: 0 } });
});

test("local dates are those of the zone, and the newest comes first where that is asked for", async () => {
  await freshTenant();
  const zone = { time_zone: "America/Los_Angeles", direction: "newest_first", max_active: 1 } as const;
  const { backfill_id } = await create(3, zone);
  await advance(backfill_id);
  expect((await itemsOf(backfill_id)).map((item) => item.parameters?.day ?? null)).toEqual([null, null, "2026-01-02"]);
});

describe("reprocess", () => {
  // Days 0 to 4: nothing there, under way, succeeded, failed, canceled.
  const wanted = { none: [0], missing_only: [0, 4], missing_and_failed: [0, 3, 4], all: [0, 2, 3, 4] } as const;
  test.each(Object.entries(wanted))("%s", async (reprocess, runs) => {
    await freshTenant();
    const earlier = await create(5, { reprocess: "all", max_active: 10 });
    await advance(earlier.backfill_id);
    const items = await itemsOf(earlier.backfill_id);
    await endRun(world, items[2].run_id);
    await endRun(world, items[3].run_id, "failed");
    await call(world, tenant.api, "cancel_run", { run_id: items[4].run_id });
    await world.owner.query("update ops.backfill_items set partition_start = '1999-01-01' where run_id = $1", [items[0].run_id]);
    await world.owner.query("update ops.runs set scheduled_for = '1999-01-01' where run_id = $1", [items[0].run_id]);
    const preview = await call(world, tenant.api, "preview_backfill", daysOf(5, { reprocess: reprocess as keyof typeof wanted }));
    expect(preview).toMatchObject({ total: 5, to_run: runs.length, present: { missing: 1, active: 1, succeeded: 1, failed: 1, canceled: 1 } });
    expect(preview.first.map((each) => each.state)).toEqual(["missing", "active", "succeeded", "failed", "canceled"]);
    const { backfill_id } = await create(5, { reprocess: reprocess as keyof typeof wanted });
    const pending = (await itemsOf(backfill_id)).flatMap((item, at) => (item.outcome === "pending" ? [at] : []));
    expect(pending).toEqual(runs);
    expect(preview.first.flatMap((each, at) => (each.skip_reason === null ? [at] : []))).toEqual(runs);
  });

  test("what came into being after the backfill was made is skipped", async () => {
    await freshTenant();
    const [first, second] = [await create(4, { max_active: 1 }), await create(4, { max_active: 4 })];
    await advance(second.backfill_id);
    for (const run of await openOf(second.backfill_id)) await endRun(world, run);
    await advance(first.backfill_id);
    const outcomes = [...(await itemsOf(first.backfill_id)), ...(await itemsOf(second.backfill_id))].map((item) => item.outcome);
    expect(outcomes.filter((each) => each === "started").length).toBe(4);
  });
});

test("pause makes no more runs, resume goes on, cancel ends what is open and drops the rest", async () => {
  await freshTenant();
  const executor = await anExecutor(world, tenant);
  const { backfill_id } = await create(10);
  await advance(backfill_id);
  const [first] = await openOf(backfill_id);
  expect(await call(world, tenant.api, "pause_backfill", { backfill_id, note: "wait" })).toMatchObject({ status: "paused", note: "wait" });
  await endRun(world, first);
  await advance(backfill_id);
  expect((await openOf(backfill_id)).length).toBe(2);
  expect(await call(world, tenant.api, "resume_backfill", { backfill_id })).toMatchObject({ status: "active", note: null });
  await advance(backfill_id);
  expect((await openOf(backfill_id)).length).toBe(3);
  const claim = await aClaim(world, executor);
  expect(await call(world, tenant.api, "cancel_backfill", { backfill_id })).toMatchObject({ status: "canceled", progress: { pending: 0, succeeded: 1, running: 1, queued: 0, canceled: 8 } });
  expect(await call(world, executor, "heartbeat_run", claim.lease)).toMatchObject({ cancel_requested: true });
  await advance(backfill_id);
  expect(await openOf(backfill_id)).toEqual([claim.run.run_id]);
  expect(await call(world, tenant.api, "cancel_backfill", { backfill_id })).toMatchObject({ status: "canceled" });
  expect(await refusal(call(world, tenant.api, "resume_backfill", { backfill_id }))).toMatchObject({ code: "illegal_transition" });
  await call(world, executor, "release_run", claim.lease);
  expect((await progressOf(backfill_id)).progress).toMatchObject({ canceled: 9, succeeded: 1 });
  expect(await brokenInvariants(world)).toEqual([]);
});

test("eight schedulers that crash between any two steps neither double nor lose a partition, and keep the limit", async () => {
  await freshTenant();
  const { backfill_id } = await create(60, { max_active: 7 });
  const rough = crashing(world, 0.4);
  let running = true;
  let most = 0;
  const executor = async (): Promise<void> => {
    while (running) {
      const open = await openOf(backfill_id);
      most = Math.max(most, open.length);
      if (open.length > 0) await endRun(world, open[Math.floor(Math.random() * open.length)]);
      if ((await progressOf(backfill_id)).status === "completed") running = false;
    }
  };
  const scheduler = async (): Promise<void> => {
    while (running) {
      await ready(backfill_id);
      await advanceAll(rough).catch(() => undefined); // it crashed: another goes on
    }
  };
  await Promise.all([executor(), ...Array.from({ length: 8 }, scheduler)]);
  expect(most).toBeLessThanOrEqual(7);
  const items = await itemsOf(backfill_id);
  expect(items.length).toBe(60);
  expect(items.every((item) => item.outcome === "started" && item.status === "succeeded" && item.scheduled_for.getTime() === item.partition_start.getTime())).toBe(true);
  expect((await world.owner.query("select count(*)::int as n from ops.runs where backfill_id = $1", [backfill_id])).rows[0].n).toBe(60);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("one key makes one backfill, also when it is asked for eight times at once", async () => {
  await freshTenant();
  const answers = await Promise.all(Array.from({ length: 8 }, () => call(world, tenant.api, "create_backfill", daysOf(20, { idempotency_key: "k" }))));
  expect(answers.filter((answer) => answer.created).length).toBe(1);
  expect(new Set(answers.map((answer) => answer.backfill.backfill_id)).size).toBe(1);
  expect((await itemsOf(answers[0]?.backfill.backfill_id ?? "")).length).toBe(20);
  expect(await refusal(call(world, tenant.api, "create_backfill", daysOf(21, { idempotency_key: "k" })))).toMatchObject({ code: "idempotency_conflict" });
});

test("what cannot be queued pauses its backfill, and no other", async () => {
  await freshTenant();
  const [bad, good] = [await create(3, { priority: 998 }), await create(3, { reprocess: "all", range_start: day(0) })];
  await world.owner.query("alter table ops.runs add constraint not_this_one check (priority <> 998)");
  await advance(bad.backfill_id);
  await advance(good.backfill_id);
  await world.owner.query("alter table ops.runs drop constraint not_this_one");
  expect(await progressOf(bad.backfill_id)).toMatchObject({ status: "paused", note: "A run could not be queued: error 23514", progress: { pending: 3 } });
  expect((await openOf(good.backfill_id)).length).toBe(3);
  await call(world, tenant.api, "resume_backfill", { backfill_id: bad.backfill_id });
});

test("10,000 partitions are made in one call, one more is refused, and so are others than those of the range", async () => {
  await freshTenant();
  const many = (count: number): RpcArgs<"create_backfill"> => ({ ...daysOf(1, { range_start: "1990-01-01T00:00:00Z", range_end: "2030-01-01T00:00:00Z" }), starts: Array.from({ length: count }, (_, at) => new Date(Date.UTC(1990, 0, 1 + at)).toISOString()) });
  expect(await call(world, tenant.api, "create_backfill", many(10_000))).toMatchObject({ created: true, backfill: { total: 10_000, progress: { pending: 10_000 } } });
  expect(await refusal(call(world, tenant.api, "create_backfill", many(10_001)))).toMatchObject({ code: "invalid_input" });
  for (const starts of [[], [day(1), day(0)], [day(0), day(0)], [day(9)]]) {
    expect(await refusal(call(world, tenant.api, "create_backfill", { ...daysOf(5), starts }))).toMatchObject({ code: "invalid_input" });
  }
});

test("operators make and control backfills, viewers only read, strangers see nothing", async () => {
  await freshTenant();
  const { backfill_id } = await create(3);
  const viewer = await anApiToken(world, tenant.project_id, "viewer");
  const operator = await anApiToken(world, tenant.project_id, "operator");
  const stranger = await aTenantWithTemplate(world);
  expect(await refusal(call(world, viewer, "create_backfill", daysOf(3)))).toMatchObject({ code: "forbidden" });
  expect(await refusal(call(world, viewer, "preview_backfill", daysOf(3)))).toMatchObject({ code: "forbidden" });
  expect(await refusal(call(world, stranger.api, "create_backfill", daysOf(3)))).toMatchObject({ code: "not_found" });
  for (const name of ["pause_backfill", "resume_backfill", "cancel_backfill"] as const) {
    expect(await refusal(call(world, viewer, name, { backfill_id }))).toMatchObject({ code: "forbidden" });
    expect(await refusal(call(world, stranger.api, name, { backfill_id }))).toMatchObject({ code: "not_found" });
    await call(world, operator, name, { backfill_id });
  }
  const { rows } = await world.owner.query("select action from ops.audit_log where object_id = $1 order by audit_id", [backfill_id]);
  expect(rows.map((row) => row.action)).toEqual(["backfill.created", "backfill.paused", "backfill.resumed", "backfill.canceled"]);
});
