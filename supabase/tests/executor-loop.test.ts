import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import type { Engine } from "../../contracts/pipeline.ts";
import { PermanentError, PhaseError, RetryLater } from "../../executors/core/errors.ts";
import { sha256OfJson } from "../../executors/core/hash.ts";
import { runLoop } from "../../executors/core/loop.ts";
import type { AttemptEnd } from "../../executors/core/run-attempt.ts";
import type { TableComparer } from "../../executors/core/verify-run.ts";
import type { PhaseContext, PhaseRegistry, PhaseResult } from "../../executors/core/phase.ts";
import { batchReports } from "../../executors/core/batch-reports.ts";
import { rpcTransport } from "../../executors/core/rpc-transport.ts";
import { openScratch, type DiskScratch } from "../../executors/storage/scratch.ts";
import { openRestDoor, type RestDoor } from "./support/rest-door.ts";
import { aRun, aTenant, anExecutor, brokenInvariants, call, cronSecret, expireLease, openWorld, statusOf, type Tenant, type World } from "./world.ts";

let world: World;
let door: RestDoor;
let folder: string;
let scratch: DiskScratch;
beforeAll(async () => {
  world = await openWorld();
  door = await openRestDoor(world);
  folder = mkdtempSync(join(tmpdir(), "loop-"));
  scratch = await openScratch(folder);
});
afterAll(async () => {
  await door?.close();
  await world?.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function verdictOf(run_id: string): Promise<unknown> {
  const { rows } = await world.owner.query<{ verification?: unknown }>("select output_manifest -> 'verification' as verification from ops.runs where run_id = $1", [run_id]);
  return rows[0]?.verification ?? undefined;
}

type Work = (context: PhaseContext) => Promise<PhaseResult>;
interface Step { name: string; depends_on?: string[]; run_if?: string; max_retries?: number; timeout_seconds?: number; for_each?: Record<string, unknown>; work: Work }
const done = (facts: Record<string, unknown> = {}): PhaseResult => ({ output: { tables: [], facts }, metrics: {} });
const untilStopped: Work = ({ signal }) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

function specOf(steps: Omit<Step, "work">[]): string {
  return canonicalJson({ version: 1, name: "sample", parameters: { type: "object", properties: { day: { type: "string" } } }, phases: steps.map(({ work: _, ...step }: Partial<Step>) => ({ ...step, type: "query", config: { sql: "select 1" } })) });
}

interface Executor { ended: Promise<Record<AttemptEnd, number>>; stop(): void; executor_id: string; lines: string[] }
async function startExecutor(tenant: Tenant, steps: Step[], more: { drain_seconds?: number; lease_seconds?: number; engines?: Engine[]; labels?: string[]; slots?: number; comparer?: TableComparer } = {}): Promise<Executor> {
  const { token, executor_id } = await anExecutor(world, tenant);
  const stop = new AbortController();
  const lines: string[] = [];
  const work: Work = (context) => {
    const step = steps.find(({ name }) => name === context.phase.name);
    if (step === undefined) throw new Error(`no step ${context.phase.name}`);
    return step.work(context);
  };
  const registry = { ingest: work, validate: work, transform: work, publish: work, query: work } as unknown as PhaseRegistry;
  const ended = runLoop({
    controlPlane: batchReports(rpcTransport({ url: door.url, token, supabase_url: door.url, publishable_key: "unused" })), registry, scratch, signal: stop.signal,
    log: (level, message, facts) => void lines.push(`${level} ${message} ${JSON.stringify(facts)}`),
    ...(more.comparer === undefined ? {} : { comparer: more.comparer }),
    settings: { lake: "file:/lake", engines: more.engines ?? ["duckdb", "postgres"], lease_seconds: more.lease_seconds ?? 30, queues: ["default"], labels: more.labels ?? [], slots: more.slots ?? 2, phase_parallelism: 2, memory_mb: 256, threads: 1, drain_seconds: more.drain_seconds ?? 30, connections: new Map([["odoo", "postgres://reader:s3cret-word@db/odoo"]]) },
  });
  ended.catch(() => undefined);
  return { ended, stop: () => stop.abort(new Error("the test is over")), executor_id, lines };
}

async function runToEnd(tenant: Tenant, steps: Step[], run_id?: string, more: Parameters<typeof startExecutor>[2] = {}): Promise<{ run_id: string; ends: Record<AttemptEnd, number>; status: string; error_code: string | null; phases: Record<string, string> }> {
  const id = run_id ?? (await aRun(world, tenant, { spec_text: specOf(steps), max_attempts: 1 }));
  const executor = await startExecutor(tenant, steps, more);
  try {
    await vi.waitUntil(async () => ["succeeded", "failed", "canceled"].includes(await statusOf(world, id)), { timeout: 30_000, interval: 50 }).catch((error: unknown) => {
      throw new Error(executor.lines.join("\n"), { cause: error });
    });
  } finally {
    executor.stop();
  }
  const ends = await executor.ended;
  const { rows } = await world.owner.query("select status, error_code from ops.runs where run_id = $1", [id]);
  const phases = await world.owner.query("select name, status from ops.run_phases where run_id = $1", [id]);
  return { run_id: id, ends, ...rows[0], phases: Object.fromEntries(phases.rows.map((row) => [row.name, row.status])) };
}

async function eventsOf(run_id: string): Promise<{ type: string; phase: string | null; message: string }[]> {
  return (await world.owner.query("select type, phase, message from ops.run_events where run_id = $1 order by seq", [run_id])).rows;
}

const chain: Step[] = [
  { name: "extract", work: async (context) => { context.progress("rows", { rows: 3n }); return done({ rows: 3 }); } },
  { name: "check", depends_on: ["extract"], work: async ({ upstream }) => done({ seen: upstream.get("extract")?.facts }) },
  { name: "load", depends_on: ["check"], work: async (context) => done({ report: (await context.addArtifact({ name: "report.txt", kind: "report", content_type: "text/plain", content: { text: "all of it" } })).sha256, upstream: [...context.upstream.keys()].toSorted() }) },
];

test("three phases run in order, each starts, shows progress and finishes, and its output has the hash of its bytes", async () => {
  const { run_id, ends, status, phases } = await runToEnd(await aTenant(world), chain);
  expect([status, ends.succeeded, phases]).toEqual(["succeeded", 1, { extract: "succeeded", check: "succeeded", load: "succeeded" }]);
  const events = await eventsOf(run_id);
  for (const { name } of chain) {
    const own = events.filter((event) => event.phase === name && event.type.startsWith("PHASE_")).map((event) => event.type);
    expect(own).toEqual(["PHASE_STARTED", "PHASE_PROGRESS", "PHASE_SUCCEEDED"]);
  }
  const { rows } = await world.owner.query("select p.name, p.output_sha256, p.input_sha256, a.kind from ops.run_phases as p join ops.run_artifacts as a on a.run_id = p.run_id and a.name = p.name || '.output.json' and a.sha256 = p.output_sha256 where p.run_id = $1", [run_id]);
  expect(rows).toHaveLength(3);
  expect(rows.find((row) => row.name === "check").output_sha256).toBe(sha256OfJson({ tables: [], facts: { seen: { rows: 3 } } }));
  const { output_manifest } = (await world.owner.query("select output_manifest from ops.runs where run_id = $1", [run_id])).rows[0];
  expect(output_manifest.phases).toEqual(Object.fromEntries(rows.map((row) => [row.name, row.output_sha256])));
  expect(await brokenInvariants(world)).toEqual([]);
  expect(readdirSync(folder).flatMap((own) => readdirSync(join(folder, own)))).toEqual([]);
});

test("what the phases say and print is in the run's log before the run ends, secrets taken out, and no line of it is an event", async () => {
  const { run_id, status } = await runToEnd(await aTenant(world), [
    { name: "extract", work: async (context) => {
      context.log("warn", "cannot reach postgres://reader:s3cret-word@db/odoo", { rows: 3, url: (await context.connection("odoo", ["postgres"])).url });
      context.output("stdout", "page 1");
      context.output("stderr", "the password s3cret-word is wrong\nand so on");
      return done();
    } },
  ]);
  expect(status).toBe("succeeded");
  const { rows } = await world.owner.query("select phase, attempt, stream, text from ops.run_log_chunks where run_id = $1 order by first_line", [run_id]);
  expect(rows).toEqual([
    { phase: "extract", attempt: 1, stream: "engine", text: 'warn cannot reach *** {"rows":3,"url":"***"}' },
    { phase: "extract", attempt: 1, stream: "stdout", text: "page 1" },
    { phase: "extract", attempt: 1, stream: "stderr", text: "the password *** is wrong\nand so on" },
  ]);
  expect((await eventsOf(run_id)).filter((event) => event.message.includes("page 1"))).toEqual([]);
});

test("the same run again, on another executor, gives the same hashes; a verification writes into its own prefix", async () => {
  const tenant = await aTenant(world);
  const first = await runToEnd(tenant, chain);
  const again = await call(world, tenant.api, "retry_run", { run_id: first.run_id, mode: "verify" });
  let lake: PhaseContext["lake"] | undefined;
  const second = await runToEnd(tenant, chain.map((step) => ({ ...step, work: (context) => { lake = context.lake; return step.work(context); } })), again.run_id);
  expect(lake).toEqual({ read_root: `file:/lake/${tenant.environment_id}`, write_root: `file:/lake/${tenant.environment_id}/_isolated/${again.run_id}` });
  const hashes = async (run: string) => (await world.owner.query("select name, input_sha256, output_sha256 from ops.run_phases where run_id = $1 order by name", [run])).rows;
  expect(await hashes(second.run_id)).toEqual(await hashes(first.run_id));
  expect(await verdictOf(second.run_id)).toMatchObject({ original_run_id: first.run_id, verdict: "equal", phases: chain.length, differing_tables: 0 });
});

test("a verification whose phase answers otherwise says so, and a repetition that is none says nothing", async () => {
  const tenant = await aTenant(world);
  const first = await runToEnd(tenant, chain);
  const again = await call(world, tenant.api, "retry_run", { run_id: first.run_id, mode: "verify" });
  const last = chain.at(-1)!.name;
  const second = await runToEnd(tenant, chain.map((step) => (step.name === last ? { ...step, work: async () => done({ planted: 1 }) } : step)), again.run_id);
  expect(second.status).toBe("succeeded");
  expect(await verdictOf(second.run_id)).toMatchObject({ verdict: "differs", differing_tables: 0 });
  const repeated = await call(world, tenant.api, "retry_run", { run_id: first.run_id, mode: "all" });
  await runToEnd(tenant, chain, repeated.run_id);
  expect(await verdictOf(repeated.run_id)).toBeUndefined();
});

test("after a permanent error nothing is retried, what follows is skipped, and a phase that waits for failures runs", async () => {
  const steps: Step[] = [
    { name: "bad", max_retries: 5, work: async () => { throw new PermanentError("sql_error", "no such column"); } },
    { name: "after", depends_on: ["bad"], work: async () => done() },
    { name: "report", depends_on: ["after"], run_if: "one_failed", work: async () => done() },
    { name: "always", depends_on: ["bad"], run_if: "all_done", work: async () => done() },
    { name: "apart", work: async () => done() },
  ];
  const { run_id, status, error_code, phases } = await runToEnd(await aTenant(world), steps);
  expect([status, error_code]).toEqual(["failed", "sql_error"]);
  expect(phases).toEqual({ bad: "failed", after: "skipped", report: "succeeded", always: "succeeded", apart: "succeeded" });
  expect((await eventsOf(run_id)).filter((event) => event.phase === "bad").map((event) => event.type)).toEqual(["PHASE_STARTED", "PHASE_PROGRESS", "PHASE_FAILED"]);
});

test("a phase is tried again as often as it may, and what it threw may be anything", async () => {
  let tries = 0;
  const { status, run_id } = await runToEnd(await aTenant(world), [{ name: "flaky", max_retries: 2, work: async () => {
    tries += 1;
    if (tries === 1) throw "not even an Error";
    if (tries === 2) throw new PhaseError("source_unreachable", "away");
    return done();
  } }]);
  expect([status, tries]).toEqual(["succeeded", 3]);
  expect((await eventsOf(run_id)).filter((event) => event.message.startsWith("Try ")).map((event) => event.message.split(":")[0])).toEqual(["Try 1 of 3 failed (phase_failed)", "Try 2 of 3 failed (source_unreachable)"]);
});

test("a phase that takes too long fails with timeout", async () => {
  const { status, error_code } = await runToEnd(await aTenant(world), [{ name: "slow", timeout_seconds: 1, work: untilStopped }]);
  expect([status, error_code]).toEqual(["failed", "timeout"]);
});

test("an attempt that fails is retried as a new attempt, which does not execute again what succeeded", async () => {
  const tenant = await aTenant(world);
  let landed = 0;
  let tries = 0;
  const steps: Step[] = [
    { name: "land", work: async () => { landed += 1; return done({ rows: 7 }); } },
    { name: "shape", depends_on: ["land"], work: async ({ upstream, attempt }) => {
      tries += 1;
      if (attempt === 1) throw new PhaseError("engine_crashed", "gone");
      return done({ seen: upstream.get("land")?.facts });
    } },
  ];
  const run_id = await aRun(world, tenant, { spec_text: specOf(steps), max_attempts: 2 });
  const { status } = await runToEnd(tenant, steps, run_id);
  expect([status, landed, tries]).toEqual(["succeeded", 1, 2]);
  const { rows } = await world.owner.query("select output_sha256 from ops.run_phases where run_id = $1 and name = 'shape'", [run_id]);
  expect(rows[0].output_sha256).toBe(sha256OfJson({ tables: [], facts: { seen: { rows: 7 } } }));
});

test("what a verification staged is discarded when it has ended, as a failure or canceled too, and not while another attempt is to come", async () => {
  const tenant = await aTenant(world);
  const original = await runToEnd(tenant, [chain[0]!]);
  const discarded: string[] = [];
  const comparer: TableComparer = { compare: async () => [], discard: async ({ write_root }) => void discarded.push(write_root.split("/").at(-1)!) };
  const verification = async (max_attempts: number): Promise<string> => {
    const { run_id } = await call(world, tenant.api, "retry_run", { run_id: original.run_id, mode: "verify" });
    await world.owner.query("update ops.runs set max_attempts = $2 where run_id = $1", [run_id, max_attempts]);
    return run_id;
  };
  const failing = await verification(3);
  await runToEnd(tenant, [{ ...chain[0]!, work: async () => { throw new PermanentError("sql_error", "no such column"); } }], failing, { comparer });
  expect(discarded).toEqual([failing]);

  const retried = await verification(2);
  let tries = 0;
  const work: Work = async (context) => {
    expect(discarded).toEqual([failing]);
    if ((tries += 1) === 1) throw new RetryLater("conflict", "come again", 0);
    return chain[0]!.work(context);
  };
  expect(await runToEnd(tenant, [{ ...chain[0]!, work }], retried, { comparer })).toMatchObject({ status: "succeeded" });
  expect([tries, discarded]).toEqual([2, [failing, retried]]);

  const canceled = await verification(2);
  const executor = await startExecutor(tenant, [{ ...chain[0]!, work: untilStopped }], { lease_seconds: 2, comparer });
  await vi.waitUntil(async () => (await eventsOf(canceled)).some((event) => event.type === "PHASE_STARTED"), { timeout: 30_000 });
  await call(world, tenant.api, "cancel_run", { run_id: canceled, reason: "not needed" });
  await vi.waitUntil(() => discarded.length === 3, { timeout: 30_000 });
  executor.stop();
  await executor.ended;
  expect(discarded).toEqual([failing, retried, canceled]);
});

test("a run that is cancelled stops its phases and ends canceled", async () => {
  const tenant = await aTenant(world);
  const steps: Step[] = [{ name: "long", work: untilStopped }, { name: "after", depends_on: ["long"], work: async () => done() }];
  const run_id = await aRun(world, tenant, { spec_text: specOf(steps) });
  const executor = await startExecutor(tenant, steps, { lease_seconds: 2 });
  await vi.waitUntil(async () => (await eventsOf(run_id)).some((event) => event.type === "PHASE_STARTED"), { timeout: 20_000 });
  await call(world, tenant.api, "cancel_run", { run_id, reason: "not needed" });
  await vi.waitUntil(async () => (await statusOf(world, run_id)) === "canceled", { timeout: 20_000 });
  executor.stop();
  expect((await executor.ended).canceled).toBe(1);
  expect((await eventsOf(run_id)).map((event) => event.type)).toEqual(["RUN_CREATED", "RUN_CLAIMED", "RUN_STARTED", "PHASE_STARTED", "CANCEL_REQUESTED", "PHASE_PROGRESS", "PHASE_FAILED", "PHASE_SKIPPED", "RUN_CANCELED"]);
});

test("an executor that is stopped gives its run back at no cost, and another goes on from there", async () => {
  const tenant = await aTenant(world);
  let landed = 0;
  const land: Step = { name: "land", work: async () => { landed += 1; return done({ rows: 1 }); } };
  const stuck: Step = { name: "shape", depends_on: ["land"], work: async (context) => { await context.saveCheckpoint({ at: 5 }); return untilStopped(context); } };
  const run_id = await aRun(world, tenant, { spec_text: specOf([land, stuck]), max_attempts: 1 });
  const first = await startExecutor(tenant, [land, stuck], { drain_seconds: 0 });
  await vi.waitUntil(async () => (await world.owner.query("select from ops.run_phases where run_id = $1 and checkpoint is not null", [run_id])).rowCount === 1, { timeout: 20_000 });
  first.stop();
  expect((await first.ended).released).toBe(1);
  expect(await statusOf(world, run_id)).toBe("queued");
  const { status } = await runToEnd(tenant, [land, { ...stuck, work: async ({ checkpoint, attempt }) => done({ checkpoint, attempt }) }], run_id);
  expect([status, landed]).toEqual(["succeeded", 1]);
  const { rows } = await world.owner.query("select output_sha256 from ops.run_phases where run_id = $1 and name = 'shape'", [run_id]);
  expect(rows[0].output_sha256).toBe(sha256OfJson({ tables: [], facts: { checkpoint: { at: 5 }, attempt: 1 } }));
});

test("a phase whose engine this executor lacks goes, with all that succeeded, to one that has it", async () => {
  const tenant = await aTenant(world);
  const ran: string[] = [];
  const step = (name: string, engine: string, depends_on: string[]) => ({ name, type: "query", depends_on, config: { sql: "select 1", engine, ...(engine === "postgres" ? { connection: "source" } : {}) } });
  const spec_text = canonicalJson({ version: 1, name: "mixed", phases: [step("ask", "postgres", []), step("model", "duckdb", ["ask"]), step("apart", "postgres", []), step("last", "postgres", ["model"])] });
  const run_id = await aRun(world, tenant, { spec_text, max_attempts: 1 });
  const steps = (who: string): Step[] => ["ask", "model", "apart", "last"].map((name) => ({ name, work: async () => { ran.push(`${who} ${name}`); return done({ name }); } }));
  const small = await startExecutor(tenant, steps("small"), { engines: ["postgres"], labels: ["engine:postgres"] });
  await vi.waitUntil(async () => (await eventsOf(run_id)).some(({ type }) => type === "RUN_RELEASED"), { timeout: 20_000 });
  expect(ran.toSorted()).toEqual(["small apart", "small ask"]);
  const { status } = await runToEnd(tenant, steps("whole"), run_id, { labels: ["engine:duckdb", "engine:postgres"] });
  small.stop();
  expect((await small.ended).released).toBe(1);
  expect([status, ran.slice(2)]).toEqual(["succeeded", ["whole model", "whole last"]]);
  const { rows } = await world.owner.query("select attempt, labels from ops.runs where run_id = $1", [run_id]);
  expect(rows).toEqual([{ attempt: 1, labels: ["engine:duckdb"] }]);
});

test("an executor that lost its lease stops and writes nothing more, while the run goes on elsewhere", async () => {
  const tenant = await aTenant(world);
  let late: unknown;
  const zombie: Step = { name: "work", work: async (context) => untilStopped(context).catch(async (error: unknown) => {
    // The executor itself may claim the run again: what its second attempt sees does not count.
    late ??= await context.publishDataset({ name: "gold.x", layer: "gold", table_version: 0, format: "delta", location: "gold/x", content_sha256: "0".repeat(64), row_count: 0, byte_size: 0, columns: [] }).catch((refused: unknown) => refused);
    throw error;
  }) };
  const run_id = await aRun(world, tenant, { spec_text: specOf([zombie]) });
  const first = await startExecutor(tenant, [zombie], { lease_seconds: 3, drain_seconds: 0 });
  await vi.waitUntil(async () => (await eventsOf(run_id)).some((event) => event.type === "PHASE_STARTED"), { timeout: 20_000 });
  await expireLease(world, run_id);
  await vi.waitUntil(() => late !== undefined, { timeout: 20_000 });
  first.stop();
  expect((await first.ended).lease_lost).toBe(1);
  expect(late).toMatchObject({ code: "lease_lost" });
  const { status } = await runToEnd(tenant, [{ ...zombie, work: async () => done() }], run_id);
  expect(status).toBe("succeeded");
  expect((await world.owner.query("select from ops.datasets where environment_id = $1", [tenant.environment_id])).rowCount).toBe(0);
});

test("a phase type that nobody knows fails the run at once, with what is known", async () => {
  const tenant = await aTenant(world);
  const run_id = await aRun(world, tenant, { max_attempts: 3, spec_text: canonicalJson({ version: 1, name: "sample", phases: [{ name: "x", type: "magic", depends_on: [], config: {} }] }) });
  const { status, error_code } = await runToEnd(tenant, [], run_id);
  expect([status, error_code]).toEqual(["failed", "unknown_phase_type"]);
});

test("a revoked token ends the loop instead of asking for ever", async () => {
  const tenant = await aTenant(world);
  const executor = await startExecutor(tenant, []);
  await world.owner.query("update ops.executor_tokens set expires_at = now() - interval '1 second' where executor_id = $1", [executor.executor_id]);
  await expect(executor.ended).rejects.toMatchObject({ code: "token_invalid" });
});

const days = ["2026-01-01", "2026-01-02", "2026-01-03"];
const fanned = (work: Work): Step[] => [
  { name: "before", work: async () => done({ base: 10 }) },
  { name: "each", depends_on: ["before"], for_each: { parameter: "day", items: days, max_active: 2 }, work },
  { name: "after", depends_on: ["each"], work: async ({ upstream }) => done({ seen: upstream.get("each")?.facts }) },
];
const dayWork: Work = async ({ parameters, upstream, run }) => done({ day: parameters["day"], base: upstream.get("before")?.facts["base"], child: run.parent_run_id !== null });
async function childrenOf(run_id: string): Promise<{ child_key: string; status: string; run_id: string }[]> {
  return (await world.owner.query("select child_key, status, run_id from ops.runs where parent_run_id = $1 order by child_key", [run_id])).rows;
}
/** The scheduler, as long as `until` runs. */
async function ticking<T>(until: Promise<T>): Promise<T> {
  const ended = until.then(() => true, () => true);
  while (!(await Promise.race([ended, new Promise<false>((resolve) => setTimeout(() => resolve(false), 200))]))) await call(world, { token: cronSecret }, "settle_children", {});
  return until;
}

test("a for_each phase executes each item once as a run of its own, even with one slot, and hands on what all made", async () => {
  const tenant = await aTenant(world);
  const { run_id, status } = await ticking(runToEnd(tenant, fanned(dayWork), undefined, { slots: 1 }));
  expect(status).toBe("succeeded");
  expect((await childrenOf(run_id)).map(({ child_key, status: of }) => [child_key, of])).toEqual(days.map((day) => [day, "succeeded"]));
  const items = Object.fromEntries(days.map((day) => [day, { day, base: 10, child: true }]));
  const { rows } = await world.owner.query("select p.name, p.output_sha256, r.attempt from ops.run_phases as p join ops.runs as r using (run_id) where run_id = $1", [run_id]);
  expect(rows.find((row) => row.name === "each")).toMatchObject({ output_sha256: sha256OfJson({ tables: [], facts: { items } }), attempt: 1 });
  expect(rows.find((row) => row.name === "after")).toMatchObject({ output_sha256: sha256OfJson({ tables: [], facts: { seen: { items } } }) });
  expect(await brokenInvariants(world)).toEqual([]);
});

test("one item that fails fails the phase; the repair executes that item alone, and what follows", async () => {
  const tenant = await aTenant(world);
  let broken = true;
  const executed: string[] = [];
  const steps = fanned(async (context) => {
    const day = String(context.parameters["day"]);
    executed.push(day);
    if (broken && day === days[1]) throw new PermanentError("sql_error", "that day is bad");
    return dayWork(context);
  });
  const first = await ticking(runToEnd(tenant, steps));
  expect([first.status, first.error_code, first.phases]).toEqual(["failed", "child_failed", { before: "succeeded", each: "failed", after: "skipped" }]);
  broken = false;
  executed.length = 0;
  const repair = await call(world, tenant.api, "retry_run", { run_id: first.run_id, mode: "failed" });
  const second = await ticking(runToEnd(tenant, steps, repair.run_id));
  expect([second.status, second.phases]).toEqual(["succeeded", { before: "reused", each: "succeeded", after: "succeeded" }]);
  expect(executed).toEqual([days[1]]);
  expect((await childrenOf(repair.run_id)).map(({ child_key }) => child_key)).toEqual([days[1]]);
});

test("who cancels a run cancels its child runs, and nothing of it is left running", async () => {
  const tenant = await aTenant(world);
  const steps = fanned(async (context) => untilStopped(context));
  const run_id = await aRun(world, tenant, { spec_text: specOf(steps), max_attempts: 1 });
  const executor = await startExecutor(tenant, steps, { lease_seconds: 3 });
  await vi.waitUntil(async () => (await childrenOf(run_id)).some(({ status }) => status === "running"), { timeout: 20_000 });
  expect((await call(world, tenant.api, "cancel_run", { run_id })).cancel_requested_at).not.toBeNull();
  await ticking(vi.waitUntil(async () => [{ status: await statusOf(world, run_id) }, ...(await childrenOf(run_id))].every(({ status }) => status === "canceled"), { timeout: 20_000 }));
  executor.stop();
  await executor.ended;
  expect(await brokenInvariants(world)).toEqual([]);
});
