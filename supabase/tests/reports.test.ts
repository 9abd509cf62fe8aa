import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ReportAnswer, RunWrite } from "../../contracts/report.ts";
import { reportsResponse } from "../../contracts/report.ts";
import { anExecutor, anObject, aRun, aTenant, brokenInvariants, call, claimSome, eventTypes, expireLease, leaseOf, openWorld, refusal, specText, statusOf, type Tenant, type World } from "./world.ts";
import { applySingly } from "./support/single-writes.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
let stored: { sha256: string; byte_size: number };
beforeAll(async () => {
  world = await openWorld(12);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
  stored = await anObject(world, tenant.environment_id, "an output");
});
afterAll(() => world?.drop());

type Lease = { run_id: string; lease_token: string };
type Report = Lease & { report_id?: string; writes: RunWrite[] };
const report = async (reports: Report[], by = executor): Promise<ReportAnswer[]> => {
  const answer = await call(world, by, "report_runs", { reports });
  expect(reportsResponse.safeParse(answer).error).toBeUndefined();
  return answer.items;
};
const progress = (phase: string, event_id = randomUUID()) => ({ event_id, type: "PHASE_PROGRESS", phase, message: "half", data: { rows: 1 } });
/** A whole run of these phases, as an executor reports it. */
const whole = (phases: string[]): RunWrite[] => [
  { type: "start" },
  ...phases.flatMap((name): RunWrite[] => [
    { type: "phase", name, patch: { status: "running" } }, { type: "events", events: [progress(name)] },
    { type: "phase", name, patch: { status: "succeeded", output_sha256: "a".repeat(64), metrics: { rows: 1 } } },
  ]),
  { type: "complete", output_manifest: { done: true } },
];
async function claims(count: number, more: Parameters<typeof aRun>[2] = {}): Promise<Lease[]> {
  const queue = `q${randomUUID().replaceAll("-", "")}`;
  for (let nth = 0; nth < count; nth += 1) await aRun(world, tenant, { queue, ...more });
  return (await claimSome(world, executor, { max_runs: count, queues: [queue] })).map(leaseOf);
}
async function isPlain(of: Report): Promise<boolean> {
  const { rows } = await world.owner.query("select cardinality(ops_private.plain_reports(array[(1, $1, $2, null, $3, true, true)::ops_private.run_report])) as taken", [of.run_id, of.lease_token, JSON.stringify(of.writes)]);
  return rows[0].taken === 1;
}

test("one report carries a whole run, set-based, with every event in order", async () => {
  const leases = await claims(20);
  const reports = leases.map((lease) => ({ ...lease, writes: whole(["extract", "check", "load"]) }));
  expect(await isPlain(reports[0] as Report)).toBe(true);
  const answers = await report(reports);
  expect(answers.map(({ ok, run_id }) => [ok, run_id])).toEqual(leases.map(({ run_id }) => [true, run_id]));
  const phase = ["PHASE_STARTED", "PHASE_PROGRESS", "PHASE_SUCCEEDED"];
  for (const { run_id } of leases) expect(await eventTypes(world, run_id)).toEqual(["RUN_CREATED", "RUN_CLAIMED", "RUN_STARTED", ...phase, ...phase, ...phase, "RUN_SUCCEEDED"]);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("each run's writes apply whole or not at all, and one that is refused does not touch the others", async () => {
  const [good, bad, lost, other] = await claims(4) as [Lease, Lease, Lease, Lease];
  await expireLease(world, lost.run_id);
  const broken: RunWrite[] = [{ type: "start" }, { type: "phase", name: "extract", patch: { status: "running" } }, { type: "complete" }];
  const answers = await report([
    { ...bad, writes: broken }, { ...good, writes: whole(["extract", "check", "load"]) }, { ...lost, writes: whole(["extract"]) },
    { ...other, writes: [{ type: "start" }, { type: "phase", name: "extract", patch: { status: "running", output_sha256: "no hash" } }] },
  ]);
  expect(answers.map((answer) => (answer.ok ? answer.status : answer.error.code))).toEqual(["illegal_transition", "succeeded", "lease_lost", "invalid_input"]);
  expect(await eventTypes(world, bad.run_id)).toEqual(["RUN_CREATED", "RUN_CLAIMED"]);
  expect(await statusOf(world, bad.run_id)).toBe("claimed");
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a report that is repeated is answered what the first was, and written once", async () => {
  const [one, two] = await claims(2) as [Lease, Lease];
  const begin: RunWrite[] = [{ type: "start" }, { type: "phase", name: "extract", patch: { status: "running" } }, { type: "phase", name: "extract", patch: { status: "succeeded" } }];
  const withArtifact: RunWrite[] = [...begin, { type: "artifact", artifact: { phase: "extract", name: "a.json", kind: "manifest", content_type: "application/json", ...stored, metadata: {} } }];
  for (const reports of [
    [{ ...one, report_id: randomUUID(), writes: begin }, { ...two, report_id: randomUUID(), writes: withArtifact }],
    [{ ...one, writes: whole(["check", "load"]) }, { ...two, report_id: randomUUID(), writes: whole(["check", "load"]) }],
  ]) {
    const first = await report(reports);
    expect(first.map(({ ok }) => ok)).toEqual([true, true]);
    const written = await eventTypes(world, two.run_id);
    expect(await report(reports)).toEqual(first);
    expect(await report([...reports, ...reports].toReversed())).toEqual([...first, ...first].toReversed());
    expect(await eventTypes(world, two.run_id)).toEqual(written);
  }
  // What came before the run's last report is forgotten: the lease is over.
  expect(await report([{ ...one, writes: begin }])).toMatchObject([{ ok: false, error: { code: "lease_lost" } }]);
});

test("runs of many gates that end in one call free every slot, and parked runs go through", async () => {
  const queue = `q${randomUUID().replaceAll("-", "")}`;
  for (let nth = 0; nth < 24; nth += 1) await aRun(world, tenant, { queue, concurrency_key: `${queue} ${nth % 6}`, concurrency_limit: 2 });
  for (let done = 0; done < 24; done += 12) {
    const leases = (await claimSome(world, executor, { max_runs: 24, queues: [queue] })).map(leaseOf);
    expect(leases.length).toBe(12);
    expect((await report(leases.map((lease) => ({ ...lease, writes: whole(["extract", "check", "load"]) })))).every(({ ok }) => ok)).toBe(true);
    expect(await brokenInvariants(world)).toEqual([]);
  }
});

test("callers that report the same gates' runs in other orders, beside claims and cancels, never deadlock", async () => {
  const queue = `q${randomUUID().replaceAll("-", "")}`;
  const runs: string[] = [];
  for (let nth = 0; nth < 80; nth += 1) runs.push(await aRun(world, tenant, { queue, concurrency_key: `${queue} ${nth % 4}`, concurrency_limit: 6 }));
  const work = async (): Promise<void> => {
    for (let turn = 0; turn < 60; turn += 1) {
      const leases = (await claimSome(world, executor, { max_runs: 6, queues: [queue] })).map(leaseOf);
      if (leases.length === 0) return;
      const ends: RunWrite[] = turn % 3 === 0 ? [{ type: "start" }, { type: "release" }] : whole(["extract", "check", "load"]);
      await report((turn % 2 === 0 ? leases : leases.toReversed()).map((lease) => ({ ...lease, writes: ends })));
    }
  };
  const cancels = Promise.all(runs.filter((_, nth) => nth % 9 === 0).map((run_id) => call(world, tenant.api, "cancel_run", { run_id }).catch((error: Error) => expect(error.message).toBe("run_finished"))));
  await Promise.all([work(), work(), work(), work(), work(), work(), cancels]);
  await work();
  expect(await brokenInvariants(world)).toEqual([]);
  const { rows } = await world.owner.query("select count(*)::int as left from ops.runs where queue = $1 and status in ('claimed', 'running')", [queue]);
  expect(rows[0].left).toBe(0);
}, 120_000);

test("only executors report, at most 500 runs and 4 MB a call, and only what they hold", async () => {
  const [lease] = await claims(1) as [Lease];
  const start: RunWrite[] = [{ type: "start" }];
  expect((await refusal(call(world, tenant.api, "report_runs", { reports: [{ ...lease, writes: start }] }))).code).toBe("forbidden");
  for (const reports of [[], Array.from({ length: 501 }, () => ({ ...lease, writes: start }))]) expect((await refusal(report(reports))).code).toBe("invalid_input");
  const large = Array.from({ length: 70 }, () => ({ ...progress("extract"), data: { text: "x".repeat(64_000) } }));
  expect((await refusal(report([{ ...lease, writes: [...start, { type: "events", events: large }] }]))).code).toBe("payload_too_large");
  const another = await anExecutor(world, tenant);
  expect(await report([{ ...lease, writes: start }], another)).toMatchObject([{ ok: false, error: { code: "lease_lost" } }]);
  expect(await report([{ ...lease, writes: [] }, { ...lease, writes: [{ type: "explode" } as never] }])).toMatchObject([{ ok: false, error: { code: "invalid_input" } }, { ok: false, error: { code: "invalid_input" } }]);
  expect(await statusOf(world, lease.run_id)).toBe("claimed");
});

const names = ["extract", "check"];
const ids = Array.from({ length: 4 }, () => randomUUID());
const anEvent = fc.record({
  event_id: fc.constantFrom(...ids), type: fc.constantFrom("PHASE_PROGRESS", "NOTE", "RUN_FAILED", "bad"), level: fc.constantFrom("info" as const, "warn" as const), phase: fc.constantFrom(null, ...names), message: fc.constantFrom("", "a"), data: fc.constantFrom({}, { rows: 2 }),
}, { requiredKeys: ["event_id", "type"] });
const aPatch = fc.record({
  status: fc.constantFrom("running" as const, "succeeded" as const, "failed" as const, "skipped" as const), metrics: fc.constantFrom<Record<string, unknown>>({ rows: 1 }, { bytes: 2 }), output_sha256: fc.constantFrom("b".repeat(64), "no hash"),
  message: fc.constant("said so"), error_code: fc.constant("sql_error"), error_message: fc.constant("it broke"), checkpoint: fc.constant({ at: 3 }),
}, { requiredKeys: ["status"] });
const anyWrite: fc.Arbitrary<RunWrite> = fc.oneof(
  fc.constant<RunWrite>({ type: "start" }),
  fc.record({ type: fc.constant("phase" as const), name: fc.constantFrom(...names, "nothing"), patch: aPatch }),
  fc.record({ type: fc.constant("events" as const), events: fc.array(anEvent, { minLength: 0, maxLength: 3 }) }),
  fc.constant<RunWrite>({ type: "heartbeat", phase: "extract" }),
  fc.constant<RunWrite>({ type: "inputs", datasets: ["bronze.a"], sources: { a: { at: 1 } } }),
  fc.constantFrom("extract", "nothing").map((phase): RunWrite => ({ type: "artifact", artifact: { phase, name: "a.json", kind: "manifest", content_type: "application/json", ...stored, metadata: {} } })),
  fc.constant<RunWrite>({ type: "complete", output_manifest: { a: 1 } }),
  fc.boolean().map((permanent): RunWrite => ({ type: "fail", error_code: "sql_error", error_message: "no", permanent, retry_after_seconds: 0 })),
  fc.constant<RunWrite>({ type: "release", reason: "tired" }),
);
const likely = (): RunWrite[] => whole(names).map((write) => (write.type === "events" ? { ...write, events: [progress("extract")] } : write));
/** Mostly a good run, cut somewhere, with a write dropped or put in. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
const aSequence = fc.tuple(fc.oneof(fc.constant(0), fc.nat(7)), fc.oneof(fc.constant(8), fc.nat(8)), rarely(fc.tuple(fc.nat(8), anyWrite)), rarely(fc.nat(7))).map(([from, count, extra, drop]) => {
  const writes = likely().slice(from, from + count + 1);
  if (drop !== null) writes.splice(drop, 1);
  if (extra !== null) writes.splice(extra[0], 0, extra[1]);
  return writes.length === 0 ? [{ type: "start" } as RunWrite] : writes;
});
const aTurn = fc.record({ writes: fc.oneof({ weight: 3, arbitrary: aSequence }, { weight: 1, arbitrary: fc.array(anyWrite, { minLength: 1, maxLength: 4 }) }), before: rarely(fc.constantFrom("cancel" as const, "expire" as const, "claim" as const)) });

test("any writes through reports and through the single functions come to the same", async () => {
  let plain = 0;
  await fc.assert(fc.asyncProperty(fc.array(fc.array(aTurn, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }), async (scripts) => {
    const spec = { spec_text: specText(names), max_attempts: 2 };
    const [together, singly] = [await claims(scripts.length, spec), await claims(scripts.length, spec)];
    for (let turn = 0; turn < 4; turn += 1) {
      const active = scripts.map((script, nth) => ({ nth, step: script[turn] })).filter(({ step }) => step !== undefined) as { nth: number; step: { writes: RunWrite[]; before: "cancel" | "expire" | "claim" | null } }[];
      for (const { nth, step } of active) {
        for (const leases of [together, singly]) {
          const { run_id } = leases[nth] as Lease;
          if (step.before === "cancel") await call(world, tenant.api, "cancel_run", { run_id }).catch((error: Error) => expect(error.message).toBe("run_finished"));
          if (step.before === "expire") await expireLease(world, run_id);
          if (step.before === "claim") leases[nth] = (await claimSome(world, executor, { run_id, queues: [(await world.owner.query("select queue from ops.runs where run_id = $1", [run_id])).rows[0].queue] })).map(leaseOf)[0] ?? leases[nth] as Lease;
        }
      }
      if (active.length === 0) break;
      for (const { nth, step } of active) if (await isPlain({ ...together[nth] as Lease, writes: step.writes }).catch(() => false)) plain += 1;
      const answers = await report(active.map(({ nth, step }) => ({ ...together[nth] as Lease, writes: step.writes })));
      for (const [at, { nth, step }] of active.entries()) {
        expect(tidy(answers[at]), JSON.stringify(step)).toEqual(tidy(await applySingly(world, executor, singly[nth] as Lease, step.writes)));
        expect(await traceOf((together[nth] as Lease).run_id), JSON.stringify(step)).toEqual(await traceOf((singly[nth] as Lease).run_id));
      }
    }
  }), { numRuns: 80 });
  expect(plain).toBeGreaterThan(30);
  expect(await brokenInvariants(world)).toEqual([]);
}, 240_000);

/** Without what is different by nature: ids, and moments. */
function tidy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, item: unknown) => (["run_id", "artifact_id", "url", "detail"].includes(key) || key.endsWith("_at") && item !== null ? "…" : item)));
}
async function traceOf(run_id: string): Promise<unknown> {
  const { rows } = await world.owner.query(`select r.status, r.attempt, r.error_code, r.error_message, r.output_manifest, r.input_manifest, r.started_at is null as not_started,
      (select jsonb_agg(to_jsonb(p) - array['run_id'] order by p.position) from ops.run_phases as p where p.run_id = r.run_id) as phases,
      (select jsonb_agg(jsonb_build_array(e.seq, e.type, e.level, e.phase, e.message, e.data) order by e.seq) from ops.run_events as e where e.run_id = r.run_id) as events,
      (select h.last_seq from ops_private.run_heads as h where h.run_id = r.run_id) as last_seq,
      (select l.phase from ops.leases as l where l.run_id = r.run_id) as lease_phase, exists (select from ops.leases as l where l.run_id = r.run_id) as leased
    from ops.runs as r where r.run_id = $1`, [run_id]);
  return tidy(rows[0]);
}
