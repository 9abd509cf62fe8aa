import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anExecutor, aClaim, anApiToken, brokenInvariants, call, cronSecret, openWorld, refusal, statusOf, type World } from "./world.ts";
import { aSchedule, aTenantWithTemplate, endRun, fireAll, firesOf, nextMinute, outcomesOf, type Scheduled } from "./schedules-world.ts";

let world: World;
let tenant: Scheduled;
beforeAll(async () => {
  world = await openWorld(16);
  tenant = await aTenantWithTemplate(world);
  await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

const scheduleRow = async (id: string) => (await world.owner.query("select * from ops.schedules where schedule_id = $1", [id])).rows[0];
const runOf = async (id: string) => (await firesOf(world, id)).findLast((fire) => fire.run_id !== null)?.run_id ?? null;

test("a run of the clock knows its nominal time, and has it in its parameters", async () => {
  const id = await aSchedule(world, tenant, { cron: "0 0 * * *", time_zone: "Pacific/Auckland", catch_up: "latest", parameters: { day: "${{ schedule.nominal_date }}", at: "${{schedule.nominal_time}}" }, priority: 7, queue: "nightly", labels: ["b", "a", "b"] });
  expect(await call(world, { token: cronSecret }, "due_schedules", {})).toMatchObject({ items: [{ schedule_id: id }] });
  await fireAll(world);
  expect(await firesOf(world, id)).toEqual([]);
  const { next_time, next_at } = await scheduleRow(id);
  expect(next_at).toEqual(next_time);
  await world.owner.query("update ops.schedules set after_time = clock_timestamp() - interval '1 day', next_time = null, next_at = clock_timestamp() where schedule_id = $1", [id]);
  await fireAll(world);
  const [fire] = await firesOf(world, id);
  const nominal = fire?.nominal_time as Date;
  expect(fire?.parameters).toEqual({ day: new Intl.DateTimeFormat("sv", { timeZone: "Pacific/Auckland" }).format(nominal), at: nominal.toISOString().replace(".000", ""), region: "north" });
  const { rows: [run] } = await world.owner.query("select * from ops.runs where run_id = $1", [fire?.run_id]);
  expect(run).toMatchObject({ trigger: "schedule", schedule_id: id, scheduled_for: nominal, priority: 7, queue: "nightly", labels: ["a", "b"], triggered_by: (await scheduleRow(id)).name });
  expect((await world.owner.query("select actor_type, actor_id from ops.audit_log where object_id = $1", [fire?.run_id])).rows).toEqual([{ actor_type: "schedule", actor_id: id }]);
});

describe("overlap", () => {
  const policies = {
    skip: ["started", "skipped_overlap", "skipped_overlap"],
    buffer_one: ["started", "buffered", "skipped_overlap"],
    buffer_all: ["started", "buffered", "buffered"],
    allow_all: ["started", "started", "started"],
  } as const;
  test.each(Object.entries(policies))("%s", async (overlap, wanted) => {
    const id = await aSchedule(world, tenant, { overlap: overlap as keyof typeof policies }, 60);
    await fireAll(world);
    for (let minute = 0; minute < 2; minute += 1) {
      await nextMinute(world, id);
      await fireAll(world);
    }
    expect(await outcomesOf(world, id)).toEqual(wanted);
    const [first] = await firesOf(world, id);
    await endRun(world, first?.run_id);
    await fireAll(world);
    const waiting = wanted.filter((each) => each === "buffered").length;
    expect((await firesOf(world, id)).filter((fire) => fire.outcome === "buffered").length).toBe(Math.max(0, waiting - 1));
    // What waited starts in order, one after the other.
    for (let left = waiting; left > 0; left -= 1) {
      const open = (await firesOf(world, id)).filter((fire) => fire.status === "queued");
      expect(open.length).toBe(1);
      await endRun(world, open[0]?.run_id);
      await fireAll(world);
    }
    expect((await outcomesOf(world, id)).includes("buffered")).toBe(false);
  });

  test("cancel_other asks the other to end, and starts when it has", async () => {
    const id = await aSchedule(world, tenant, { overlap: "cancel_other", queue: "cancels" }, 60);
    const executor = await anExecutor(world, tenant);
    await fireAll(world);
    const first = await runOf(id);
    const claim = await aClaim(world, executor, { run_id: first ?? "", queues: ["cancels"] } as never);
    await nextMinute(world, id);
    await fireAll(world);
    await nextMinute(world, id);
    await fireAll(world);
    expect(await outcomesOf(world, id)).toEqual(["started", "superseded", "buffered"]);
    expect(await call(world, executor, "heartbeat_run", claim.lease)).toMatchObject({ cancel_requested: true });
    expect(await statusOf(world, first ?? "")).toBe("claimed");
    await call(world, executor, "release_run", claim.lease);
    expect(await statusOf(world, first ?? "")).toBe("canceled");
    await fireAll(world);
    expect(await outcomesOf(world, id)).toEqual(["started", "superseded", "started"]);
  });

  test("terminate_other ends the other at once: its executor is fenced, the next starts in the same tick", async () => {
    const id = await aSchedule(world, tenant, { overlap: "terminate_other", queue: "terminates" }, 60);
    const executor = await anExecutor(world, tenant);
    await fireAll(world);
    const first = await runOf(id);
    const claim = await aClaim(world, executor, { run_id: first ?? "", queues: ["terminates"] } as never);
    await call(world, executor, "start_run", claim.lease);
    await nextMinute(world, id);
    await fireAll(world);
    expect(await statusOf(world, first ?? "")).toBe("canceled");
    expect(await refusal(call(world, executor, "complete_run", claim.lease))).toMatchObject({ code: "lease_lost" });
    expect((await firesOf(world, id)).map(({ outcome, status }) => [outcome, status])).toEqual([["started", "canceled"], ["started", "queued"]]);
  });
});

describe("after a pause of the scheduler", () => {
  // Two hours, a window of one: 60 nominal times outside of it, 54 or 55 late ones within, and 5 or 6 in time.
  const behind = { overlap: "allow_all", catchup_window_seconds: 3600 } as const;
  const counted = async (id: string): Promise<Record<string, number>> => Object.fromEntries((await world.owner.query("select outcome, count(*)::int from ops.schedule_fires where schedule_id = $1 group by 1", [id])).rows.map((row) => [row.outcome, row.count]));
  test("catch_up none runs what is in time", async () => {
    const id = await aSchedule(world, tenant, { ...behind, catch_up: "none" }, 7200);
    await fireAll(world);
    const { started = 0, missed = 0 } = await counted(id);
    expect(started + missed).toBe(120);
    expect(started).toBeGreaterThanOrEqual(5);
    expect(started).toBeLessThanOrEqual(6);
    expect(await outcomesOf(world, id)).toEqual([...Array(missed).fill("missed"), ...Array(started).fill("started")]);
  });
  test("catch_up latest runs one of an hourly schedule that slept a day", async () => {
    const id = await aSchedule(world, tenant, { overlap: "allow_all", cron: "30 * * * *", catch_up: "latest" }, 86_400);
    await fireAll(world);
    const { started, missed = 0 } = await counted(id);
    expect(started).toBe(1);
    expect(missed).toBeGreaterThanOrEqual(22);
    expect((await outcomesOf(world, id)).at(-1)).toBe("started");
  });
  test("catch_up latest runs none where even the latest is outside the window", async () => {
    const id = await aSchedule(world, tenant, { cron: "0 0 1 1 *", catch_up: "latest", catchup_window_seconds: 60 }, 366 * 86_400);
    await fireAll(world);
    expect(await outcomesOf(world, id)).toEqual(["missed"]);
  });
  test("catch_up all runs each within the window, in order", async () => {
    const id = await aSchedule(world, tenant, { ...behind, catch_up: "all" }, 7200);
    await fireAll(world);
    const fires = await firesOf(world, id);
    expect(fires.length).toBe(120);
    const started = fires.filter((fire) => fire.outcome === "started");
    expect(started.length).toBeGreaterThanOrEqual(59);
    expect(started.length).toBeLessThanOrEqual(61);
    expect(fires.slice(0, 120 - started.length).every((fire) => fire.outcome === "missed")).toBe(true);
    expect(started.map((fire) => fire.run_id)).toEqual(started.map((fire) => fire.run_id).toSorted());
  });
});

describe("pausing", () => {
  test("after so many failed runs in a row, and not before", async () => {
    const id = await aSchedule(world, tenant, { pause_on_failure: 2 }, 60);
    for (const [end, paused] of [["failed", false], ["succeeded", false], ["failed", false], ["failed", true]] as const) {
      await fireAll(world);
      await endRun(world, await runOf(id), end);
      expect((await scheduleRow(id)).paused_at !== null).toBe(paused);
      await nextMinute(world, id);
    }
    expect(await scheduleRow(id)).toMatchObject({ paused_note: "Its last 2 runs failed.", paused_by: (await scheduleRow(id)).name });
    expect(await fireAll(world)).toBe(0);
    expect(await call(world, tenant.api, "resume_schedule", { schedule_id: id })).toMatchObject({ paused_at: null, paused_note: null });
    await nextMinute(world, id);
    await fireAll(world);
    expect((await outcomesOf(world, id)).length).toBe(5);
  });

  test("a failure that happens while the schedule is held is found at the next fire", async () => {
    const id = await aSchedule(world, tenant, { pause_on_failure: 1 }, 60);
    await fireAll(world);
    const run = await runOf(id);
    const holder = await world.owner.connect();
    await holder.query("begin");
    await holder.query("select from ops.schedules where schedule_id = $1 for update", [id]);
    await endRun(world, run, "failed"); // does not wait
    await holder.query("commit");
    holder.release();
    expect((await scheduleRow(id)).paused_at).toBeNull();
    await nextMinute(world, id);
    await fireAll(world);
    expect((await scheduleRow(id)).paused_at).not.toBeNull();
    expect(await outcomesOf(world, id)).toEqual(["started"]);
  });

  test("nothing is caught up after it, what waits stays waiting, and a repeat changes nothing", async () => {
    const id = await aSchedule(world, tenant, { overlap: "buffer_all", catch_up: "all" }, 120);
    await fireAll(world);
    expect(await outcomesOf(world, id)).toEqual(["started", "buffered"]);
    const { paused_at } = await call(world, tenant.api, "pause_schedule", { schedule_id: id, note: "quiet" });
    expect(await call(world, tenant.api, "pause_schedule", { schedule_id: id, note: "other" })).toMatchObject({ paused_at, paused_note: "quiet" });
    await endRun(world, await runOf(id));
    await world.owner.query("update ops.schedules set after_time = clock_timestamp() - interval '1 hour', next_at = clock_timestamp() where schedule_id = $1", [id]);
    await fireAll(world);
    expect(await outcomesOf(world, id)).toEqual(["started", "buffered"]);
    await call(world, tenant.api, "resume_schedule", { schedule_id: id });
    await fireAll(world);
    expect(await outcomesOf(world, id)).toEqual(["started", "started"]);
  });

  test("what cannot be read or queued pauses its schedule, and no other", async () => {
    const unreadable = await aSchedule(world, tenant, { cron: "61 * * * *" }, 60);
    const gone = await aSchedule(world, tenant, {}, 60);
    const fine = await aSchedule(world, tenant, {}, 60);
    await world.owner.query("update ops.schedules set parameters = jsonb_build_object('at', '${{ schedule.nominal_time }}') where schedule_id = $1", [fine]);
    await world.owner.query("alter table ops.runs add constraint not_this_one check (priority <> 999)");
    await world.owner.query("update ops.schedules set priority = 999 where schedule_id = $1", [gone]);
    await fireAll(world);
    await world.owner.query("alter table ops.runs drop constraint not_this_one");
    expect((await scheduleRow(unreadable)).paused_note).toContain("cron is not a cron pattern of five fields");
    expect((await scheduleRow(gone)).paused_note).toBe("Its run could not be queued: error 23514");
    expect(await outcomesOf(world, gone)).toEqual([]);
    expect(await outcomesOf(world, fine)).toEqual(["started"]);
  });
});

test("jitter stays below its bound, differs between schedules, and is always the same", async () => {
  const { rows } = await world.owner.query(`select extract(epoch from ops_private.jitter(s, t, 600))::float as delay, ops_private.jitter(s, t, 600) = ops_private.jitter(s, t, 600) as same
    from (select gen_random_uuid() as s from generate_series(1, 20)) as schedules, generate_series('2026-01-01'::timestamptz, '2026-01-05', '1 hour') as t`);
  const delays = rows.map((row) => row.delay as number);
  expect(rows.every((row) => row.same)).toBe(true);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...delays)).toBeLessThan(600);
  const mean = delays.reduce((sum, each) => sum + each, 0) / delays.length;
  expect(Math.abs(mean - 300)).toBeLessThan(30);
  const id = await aSchedule(world, tenant, { jitter_seconds: 3600, overlap: "allow_all", catch_up: "all" }, 7200);
  await fireAll(world);
  const { next_time, next_at } = await scheduleRow(id);
  const [late] = (await world.owner.query("select ops_private.jitter($1, $2, 3600) + $2 as at", [id, next_time])).rows;
  expect(next_at).toEqual(late.at);
  expect(next_at.getTime()).toBeGreaterThan(Date.now() - 60_000);
  // The first that is not due yet holds back those after it: order is kept.
  const { rows: [early] } = await world.owner.query("select max(nominal_time + ops_private.jitter($1, nominal_time, 3600)) <= clock_timestamp() as due from ops.schedule_fires where schedule_id = $1", [id]);
  expect(early.due).toBe(true);
});

test("start_at, end_at and a change of the times bound what fires", async () => {
  const at = (seconds: number) => new Date(Math.floor(Date.now() / 60_000) * 60_000 + seconds * 1000).toISOString();
  const id = await aSchedule(world, tenant, { overlap: "allow_all", catch_up: "all", start_at: at(-600), end_at: at(-480) }, 3600);
  await fireAll(world);
  expect((await firesOf(world, id)).map((fire) => fire.nominal_time.toISOString())).toEqual([at(-600), at(-540)]);
  expect(await scheduleRow(id)).toMatchObject({ next_time: null, next_at: null });
  await call(world, tenant.api, "update_schedule", { schedule_id: id, patch: { end_at: null, cron: "*/2 * * * *" } });
  await fireAll(world);
  expect((await firesOf(world, id)).length).toBe(2);
  expect((await scheduleRow(id)).next_time.getTime() % 120_000).toBe(0);
});

test("run now starts beside what runs, once a key, even while paused", async () => {
  const id = await aSchedule(world, tenant, {}, 60);
  await fireAll(world);
  await call(world, tenant.api, "pause_schedule", { schedule_id: id });
  const made = await call(world, tenant.api, "run_schedule", { schedule_id: id, idempotency_key: "now" });
  expect(made).toMatchObject({ created: true, run: { schedule_id: id, trigger: "api", status: "queued" } });
  expect(await call(world, tenant.api, "run_schedule", { schedule_id: id, idempotency_key: "now" })).toMatchObject({ created: false, run: { run_id: made.run.run_id } });
  const other = await aSchedule(world, tenant);
  expect(await refusal(call(world, tenant.api, "run_schedule", { schedule_id: other, idempotency_key: "now" }))).toMatchObject({ code: "idempotency_conflict" });
  expect((await firesOf(world, id)).filter((fire) => fire.run_id === made.run.run_id)).toMatchObject([{ outcome: "started" }]);
});

test("a repair stands for the run that it repairs; a verification holds nothing back", async () => {
  const id = await aSchedule(world, tenant, {}, 60);
  await fireAll(world);
  const run_id = (await runOf(id)) ?? "";
  await endRun(world, run_id);
  expect(await call(world, tenant.api, "retry_run", { run_id, mode: "verify" })).toMatchObject({ schedule_id: null, scheduled_for: null });
  expect(await call(world, tenant.api, "retry_run", { run_id })).toMatchObject({ schedule_id: id, trigger: "retry" });
  await nextMinute(world, id);
  await fireAll(world);
  expect(await outcomesOf(world, id)).toEqual(["started", "skipped_overlap"]);
});

test("editors write, operators pause and run, viewers only read, and strangers see nothing", async () => {
  const id = await aSchedule(world, tenant);
  const as = async (role: string) => anApiToken(world, tenant.project_id, role);
  const [viewer, operator, editor] = [await as("viewer"), await as("operator"), await as("editor")];
  const fields = { environment_id: tenant.environment_id, name: "by role", template_key: "daily", cron: "0 0 * * *" };
  expect(await refusal(call(world, operator, "create_schedule", { schedule: fields }))).toMatchObject({ code: "forbidden" });
  expect(await refusal(call(world, operator, "update_schedule", { schedule_id: id, patch: { priority: 1 } }))).toMatchObject({ code: "forbidden" });
  expect(await refusal(call(world, operator, "delete_schedule", { schedule_id: id }))).toMatchObject({ code: "forbidden" });
  for (const name of ["pause_schedule", "resume_schedule", "run_schedule"] as const) {
    expect(await refusal(call(world, viewer, name, { schedule_id: id }))).toMatchObject({ code: "forbidden" });
    await call(world, operator, name, { schedule_id: id });
  }
  await call(world, editor, "create_schedule", { schedule: fields });
  expect(await refusal(call(world, editor, "create_schedule", { schedule: fields }))).toMatchObject({ code: "conflict" });
  expect(await refusal(call(world, editor, "create_schedule", { schedule: { ...fields, name: "x", time_zone: "Nowhere/Land" } }))).toMatchObject({ code: "invalid_input" });
  expect(await refusal(call(world, editor, "create_schedule", { schedule: { ...fields, name: "x", time_zone: "+02:00" } }))).toMatchObject({ code: "invalid_input" });
  expect(await refusal(call(world, editor, "create_schedule", { schedule: { ...fields, name: "x", template_key: "none" } }))).toMatchObject({ code: "not_found" });
  expect(await refusal(call(world, editor, "create_schedule", { schedule: { ...fields, name: "x", template_version: 9 } }))).toMatchObject({ code: "not_found" });
  const stranger = await aTenantWithTemplate(world);
  for (const name of ["pause_schedule", "delete_schedule", "run_schedule"] as const) expect(await refusal(call(world, stranger.api, name, { schedule_id: id }))).toMatchObject({ code: "not_found" });
  for (const name of ["due_schedules", "advance_backfill"] as const) expect(await refusal(call(world, tenant.api, name, {}))).toMatchObject({ code: "forbidden" });
  const { rows } = await world.owner.query("select action from ops.audit_log where object_type = 'schedule' and object_id = $1 order by audit_id", [id]);
  expect(rows.map((row) => row.action)).toEqual(["schedule.created", "schedule.paused", "schedule.resumed"]);
});

test("a deleted schedule fires no more, drops what waits, keeps its runs, and gives its name back", async () => {
  const id = await aSchedule(world, tenant, { name: "twice", overlap: "buffer_all", catch_up: "all" }, 120);
  await fireAll(world);
  await call(world, tenant.api, "delete_schedule", { schedule_id: id });
  expect(await outcomesOf(world, id)).toEqual(["started", "dropped"]);
  expect(await refusal(call(world, tenant.api, "delete_schedule", { schedule_id: id }))).toMatchObject({ code: "not_found" });
  await aSchedule(world, tenant, { name: "twice" });
});

test("afterwards every invariant of the runs holds", async () => {
  expect(await brokenInvariants(world)).toEqual([]);
});
