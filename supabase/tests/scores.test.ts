import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { derivedSignals } from "../../contracts/score.ts";
import { aClaim, anApiToken, anExecutor, aRun, aTenant, call, cronSecret, finish, openWorld, refusal, specText, type Tenant, type World } from "./world.ts";

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
const scoreAll = () => call(world, service, "score_ended_runs", { at_most: 1000 });
const scoreOf = async (run_id: string) => (await world.owner.query("select s.score, s.breakdown, s.computed_at from ops.runs as r left join ops.run_scores as s using (run_id) where r.run_id = $1", [run_id])).rows[0];
async function succeeded(more: Parameters<typeof aRun>[2] = {}): Promise<string> {
  const run_id = await aRun(world, tenant, more);
  await finish(world, executor, await aClaim(world, executor, { run_id }));
  return run_id;
}
async function failed(error_code = "sql_error"): Promise<string> {
  const run_id = await aRun(world, tenant);
  const { lease } = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "running" } });
  await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "failed", error_code } });
  await call(world, executor, "fail_run", { ...lease, error_code, error_message: "broken", permanent: true });
  return run_id;
}

test("every run that ended is scored once, by eight schedulers, also after one that died; a canceled one has none", async () => {
  const runs = [...(await Promise.all(Array.from({ length: 12 }, () => succeeded()))), ...(await Promise.all(Array.from({ length: 4 }, () => failed())))];
  const canceled = await aRun(world, tenant);
  await call(world, tenant.api, "cancel_run", { run_id: canceled });
  expect((await scoreOf(runs[0] as string)).score).toBeNull();
  const dying = await world.owner.connect();
  await dying.query("begin");
  await dying.query("select ops_private.score_runs($1)", [runs]);
  await dying.query("delete from ops_private.runs_to_score where true");
  await dying.query("rollback");
  dying.release();
  const scored = await Promise.all(Array.from({ length: 8 }, () => call(world, service, "score_ended_runs", { at_most: 5 })));
  expect(scored.reduce((sum, each) => sum + each, 0) + (await scoreAll())).toBe(runs.length + 1); // it looks at the canceled one as well
  for (const run_id of runs) expect((await scoreOf(run_id)).score).toBeGreaterThan(0);
  expect(await scoreOf(canceled)).toMatchObject({ score: null, breakdown: null });
  expect(await scoreAll()).toBe(0);
});

test("a metric that no number holds is scored as a large one, and stops no other run's score", async () => {
  const strange = await Promise.all([1e301, 1e-300].map(async (warned) => {
    const run_id = await aRun(world, tenant, { spec_text: specText(["check"]).replace('"query"', '"validate"').replace('{"sql":"select 1"}', "{}") });
    const { lease } = await aClaim(world, executor, { run_id });
    await call(world, executor, "start_run", lease);
    await call(world, executor, "set_phase", { ...lease, name: "check", patch: { status: "running" } });
    await call(world, executor, "set_phase", { ...lease, name: "check", patch: { status: "succeeded", metrics: { warned } } });
    await call(world, executor, "complete_run", lease);
    return run_id;
  }));
  const plain = await succeeded();
  await scoreAll();
  for (const run_id of [...strange, plain]) expect((await scoreOf(run_id)).score).toBeGreaterThan(0);
});

test("a smooth run scores 100, a failed one little, and the breakdown says what cost how much", async () => {
  const [good, bad] = [await succeeded(), await failed("quality_failed")];
  await world.owner.query("update ops.runs set started_at = created_at, finished_at = created_at + interval '1 minute' where run_id = any ($1)", [[good, bad]]);
  await scoreAll();
  expect(await scoreOf(good)).toMatchObject({ score: 100 });
  const { score, breakdown } = await scoreOf(bad);
  // run_failed loses all of 10, one failed phase half of 2, one failed check half of 2; retries 1 and queue wait 0.5 lose nothing.
  expect(score).toBeCloseTo(100 * (1 - (10 + 1 + 1) / (10 + 2 + 1 + 0.5 + 2)), 3);
  expect(breakdown.map((each: { signal: string }) => each.signal)).toEqual(["run_failed", "failed_phases", "quality_failures", "queue_wait_seconds", "retries"]);
  expect(breakdown[1]).toEqual({ signal: "failed_phases", value: 1, weight: 2, lost: 0.5 });
});

test("a slow run is held against the median of the runs of its template that had succeeded before it", async () => {
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "daily") });
  const took = async (seconds: number) => {
    const run_id = await succeeded({ spec_text: undefined, template_key: "daily" });
    await world.owner.query("update ops.runs set created_at = now() - interval '1 hour', started_at = now() - interval '1 hour', finished_at = now() - interval '1 hour' + make_interval(secs => $2) where run_id = $1", [run_id, seconds]);
    await world.owner.query("update ops.runs set started_at = now(), created_at = now(), finished_at = now() + make_interval(secs => $2) where run_id = $1 and $3", [run_id, seconds, seconds === 40]);
    return run_id;
  };
  const early = await took(10);
  for (const seconds of [5, 10, 15]) await took(seconds);
  const slow = await took(40);
  await scoreAll();
  const ratio = async (run_id: string) => (await scoreOf(run_id)).breakdown.find((each: { signal: string }) => each.signal === "duration_ratio");
  expect(await ratio(early)).toBeUndefined(); // nothing to compare with
  expect(await ratio(slow)).toEqual({ signal: "duration_ratio", value: 4, weight: 1, lost: 0.75 });
});

test("the same signals and weights give the same score; new weights change it only when it is computed again", async () => {
  const run_id = await failed();
  await scoreAll();
  const first = await scoreOf(run_id);
  const operator = await anApiToken(world, tenant.project_id, "operator");
  expect((await call(world, operator, "compute_run_score", { run_id })).score).toBe(first.score);
  expect(await scoreOf(run_id)).toEqual(first);
  const saved = await call(world, tenant.api, "put_signal_weights", { project_id: tenant.project_id, weights: { run_failed: 0, failed_phases: 1, retries: 1, queue_wait_seconds: 0, quality_failures: 0 } });
  expect(saved.weights).toMatchObject({ run_failed: 0, failed_phases: 1, duration_ratio: 1 });
  expect(saved.usual).toMatchObject({ run_failed: 10 });
  expect(await scoreOf(run_id)).toEqual(first);
  expect((await call(world, operator, "compute_run_score", { run_id })).score).toBe(75);
  expect((await scoreOf(run_id)).score).toBe(75);
});

test("an executor's own signals count once the project gives them weight; they are fenced, and derived ones are not its to set", async () => {
  const run_id = await aRun(world, tenant);
  const claim = await aClaim(world, executor, { run_id });
  expect(await call(world, executor, "put_signals", { ...claim.lease, signals: { rows_rejected: 3, freshness: 0 } })).toEqual({ rows_rejected: 3, freshness: 0 });
  expect(await call(world, executor, "put_signals", { ...claim.lease, signals: { rows_rejected: 1 } })).toMatchObject({ rows_rejected: 1 });
  for (const signals of [{ run_failed: 0 }, { Rows: 1 }, { rows: "many" }, Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`s${n}`, n]))]) {
    expect((await refusal(call(world, executor, "put_signals", { ...claim.lease, signals: signals as never }))).code).toBe("invalid_input");
  }
  expect((await refusal(call(world, executor, "put_signals", { run_id, lease_token: run_id, signals: { rows: 1 } }))).code).toBe("lease_lost");
  await finish(world, executor, claim);
  expect((await refusal(call(world, executor, "put_signals", { ...claim.lease, signals: { late: 1 } }))).code).toBe("lease_lost");
  await world.owner.query("update ops.runs set started_at = created_at where run_id = $1", [run_id]);
  await scoreAll();
  expect((await scoreOf(run_id)).score).toBe(100);
  await call(world, tenant.api, "put_signal_weights", { project_id: tenant.project_id, weights: { rows_rejected: 100 } });
  expect((await call(world, tenant.api, "compute_run_score", { run_id })).score).toBeLessThan(60);
});

test("viewers read scores and weights, operators compute, editors weigh", async () => {
  const run_id = await succeeded();
  const [viewer, operator, editor] = await Promise.all(["viewer", "operator", "editor"].map((role) => anApiToken(world, tenant.project_id, role)));
  const one = { project_id: tenant.project_id };
  expect((await refusal(call(world, viewer as { token: string }, "compute_run_score", { run_id }))).code).toBe("forbidden");
  expect((await call(world, viewer as { token: string }, "get_signal_weights", one)).weights).toEqual((await call(world, editor as { token: string }, "put_signal_weights", { ...one, weights: {} })).usual);
  expect((await refusal(call(world, operator as { token: string }, "put_signal_weights", { ...one, weights: {} }))).code).toBe("forbidden");
  for (const weights of [{ late: -1 }, { late: "1" }, { Late: 1 }, { late: 100_001 }]) expect((await refusal(call(world, editor as { token: string }, "put_signal_weights", { ...one, weights: weights as never }))).code).toBe("invalid_input");
  const waiting = await aRun(world, tenant);
  expect((await refusal(call(world, operator as { token: string }, "compute_run_score", { run_id: waiting }))).code).toBe("illegal_transition");
  const known = (await world.owner.query("select signal from ops_private.known_signals()")).rows.map((row) => row.signal);
  expect(known).toEqual([...derivedSignals]);
});
