import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { catchUps, overlapPolicies } from "../../contracts/schedule.ts";
import { anExecutor, brokenInvariants, openWorld, type World } from "./world.ts";
import { aSchedule, aTenantWithTemplate, crashing, endRun, fireAll, type Scheduled } from "./schedules-world.ts";

let world: World;
let tenant: Scheduled;
beforeAll(async () => {
  world = await openWorld(20);
  tenant = await aTenantWithTemplate(world);
  await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

const schedules = fc.array(fc.record({
  overlap: fc.constantFrom(...overlapPolicies), catch_up: fc.constantFrom(...catchUps), step: fc.constantFrom(1, 2, 3, 5), jitter_seconds: fc.constantFrom(0, 0, 90),
  behind: fc.integer({ min: 1, max: 90 }), catchup_window_seconds: fc.constantFrom(0, 1200, 86_400),
}), { minLength: 1, maxLength: 4 });

test("eight schedulers that crash between any two steps give each nominal time exactly one outcome", async () => {
  await fc.assert(fc.asyncProperty(schedules, async (wanted) => {
    const ids = await Promise.all(wanted.map(({ step, behind, ...fields }) => aSchedule(world, tenant, { ...fields, cron: step === 1 ? "* * * * *" : `*/${step} * * * *` }, behind * 60)));
    const began: Date[] = (await world.owner.query("select after_time from unnest($1::uuid[]) with ordinality as i (schedule_id, nth) join ops.schedules using (schedule_id) order by nth", [ids])).rows.map((row) => row.after_time);
    const rough = crashing(world, 0.3);
    const scheduler = async (): Promise<void> => {
      for (let turn = 0; turn < 3; turn += 1) await fireAll(rough).catch(() => undefined); // it crashed: another goes on
    };
    let ending = true;
    const executor = async (): Promise<void> => {
      while (ending) {
        const { rows } = await world.owner.query("select run_id from ops.runs where schedule_id = any ($1) and status = 'queued' order by run_id limit 3", [ids]);
        for (const { run_id } of rows) await endRun(world, run_id).catch(() => undefined); // it was canceled a moment ago
      }
    };
    const ended = executor();
    await Promise.all(Array.from({ length: 8 }, scheduler));
    ending = false;
    await ended;
    while (await fireAll(world));

    for (const [at, id] of ids.entries()) {
      const { step, overlap } = wanted[at] as (typeof wanted)[number];
      const { rows: [state] } = await world.owner.query("select after_time, next_time, next_at, paused_at, clock_timestamp() as now from ops.schedules where schedule_id = $1", [id]);
      const { rows: fires } = await world.owner.query("select f.*, r.scheduled_for, r.created_at, r.finished_at, r.status from ops.schedule_fires as f left join ops.runs as r using (run_id) where f.schedule_id = $1 order by f.nominal_time", [id]);
      const period = step * 60_000;
      const first = (Math.floor((began[at] as Date).getTime() / period) + 1) * period;
      const expected: number[] = [];
      for (let time = first; time <= state.after_time.getTime(); time += period) expected.push(time);
      expect(fires.map((fire) => fire.nominal_time.getTime())).toEqual(expected);
      // Nothing that was due is left: what comes next is in the future.
      expect(state.paused_at).toBeNull();
      expect(state.next_time.getTime()).toBe(first + expected.length * period);
      expect(state.next_at.getTime()).toBeGreaterThan(state.now.getTime() - 5_000);
      const started = fires.filter((fire) => fire.outcome === "started");
      expect(started.every((fire) => fire.scheduled_for.getTime() === fire.nominal_time.getTime())).toBe(true);
      expect((await world.owner.query("select count(*)::int as n from ops.runs where schedule_id = $1", [id])).rows[0].n).toBe(started.length);
      // The newest is always run, or waits, or is kept back by the run that goes on; but where all are late beyond the window.
      if (overlap !== "allow_all") {
        const inOrder = started.toSorted((a, b) => a.created_at - b.created_at);
        for (const [nth, fire] of inOrder.slice(1).entries()) expect(fire.created_at >= inOrder[nth].finished_at && inOrder[nth].finished_at !== null, `${overlap} overlapped`).toBe(true);
      }
    }
    await world.owner.query("select ops_private.finalize_run(run_id, 'canceled', 'canceled') from ops.runs where schedule_id = any ($1) and status = 'queued'", [ids]);
    await world.owner.query("update ops.schedules set deleted_at = now(), next_at = null where schedule_id = any ($1)", [ids]);
  }), { numRuns: 12 });
  expect(await brokenInvariants(world)).toEqual([]);
}, 240_000);
