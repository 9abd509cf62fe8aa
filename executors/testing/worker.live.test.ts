import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Run } from "../../contracts/run.ts";
import { request } from "../cli/connection.ts";
import { anExecutor, aQueue, aTenant, ended, eventsOf, openLive, phasesOf, until, type Live, type Tenant } from "./live.ts";
import { slowSql, tableSpec } from "./specs.ts";
import { childrenOf, isRunning, lakeOf, startWorker, type WorkerProcess } from "./worker-process.ts";

// What happens to a run when the process that executes it is killed, stopped, told to stop, or put to sleep.
let live: Live;
let tenant: Tenant;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
});
afterAll(() => live.close());

async function aWorker(queue: string, env: Record<string, string> = {}): Promise<WorkerProcess> {
  const worker = startWorker(live, { token: (await anExecutor(live, tenant)).token, queue, env });
  workers.push(worker);
  return worker;
}

/** A run of `table` that computes for some seconds, appending so that a second effect would show. */
async function aSlowRun(queue: string, table: string, millions: number, max_attempts = 3): Promise<Run> {
  return request(tenant.api, "create_run", { body: { queue, max_attempts, spec: tableSpec(table, slowSql(millions), { mode: "append" }) } });
}

/** Waits until the worker's engine computes the run's first phase; answers the engine's process id. */
async function computing(worker: WorkerProcess, run_id: string): Promise<number> {
  return until(`the engine of run ${run_id} (${worker.log().slice(-500)})`, 30, async () => {
    const running = (await phasesOf(tenant.api, run_id)).some((phase) => phase.name === "compute" && phase.status === "running");
    return running && childrenOf(worker.pid)[0];
  });
}

/** One data commit of this run in the table's log, one registered version, one artifact of the table, one end. */
async function expectEffectsOnce(run_id: string, table: string): Promise<void> {
  const log = join(fileURLToPath(lakeOf(live)), tenant.environment_id, table.replace(".", "/"), "_delta_log");
  const adds = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name)).flatMap((name) => readFileSync(join(log, name), "utf8").split("\n")).filter((line) => line.startsWith('{"add"'));
  expect(adds, "files that the table holds").toHaveLength(1);
  expect(await live.sql("select row_count::int as rows from ops.dataset_versions where run_id = $1", [run_id])).toEqual([{ rows: 1 }]);
  expect(await live.sql("select name from ops.run_artifacts where run_id = $1 and kind = 'dataset'", [run_id])).toEqual([{ name: `${table}.parquet` }]);
  const events = await eventsOf(tenant.api, run_id);
  expect(events.filter((event) => /^RUN_(SUCCEEDED|FAILED|CANCELED)$/.test(event.type)).map((event) => event.type)).toEqual(["RUN_SUCCEEDED"]);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
}

test("a worker that is killed in the middle of a phase loses the run to another, which has its effects once", async () => {
  const queue = aQueue();
  const first = await aWorker(queue);
  const { run_id } = await aSlowRun(queue, "silver.killed", 6);
  const engine = await computing(first, run_id);
  first.child.kill("SIGKILL");
  await first.exited;
  const second = await aWorker(queue);
  const run = await ended(tenant.api, run_id, 90);
  expect(run, second.log()).toMatchObject({ status: "succeeded", attempt: 2 });
  const types = (await eventsOf(tenant.api, run_id)).map((event) => event.type);
  expect(types.filter((type) => type === "LEASE_EXPIRED")).toHaveLength(1);
  expect(types.filter((type) => type === "RUN_CLAIMED")).toHaveLength(2);
  await expectEffectsOnce(run_id, "silver.killed");
  expect(isRunning(engine), "the engine of the killed worker is gone").toBe(false);
});

test("a worker that is killed between its commit to the log and the registration leaves a commit that the next one adopts", async () => {
  const queue = aQueue();
  const first = await aWorker(queue);
  const client = new pg.Client({ connectionString: live.stack.database_url });
  await client.connect();
  let run_id: string;
  try {
    // No version of any dataset can be registered while this transaction is open.
    await client.query("begin; lock table ops.dataset_versions in exclusive mode");
    const waiting = () => live.sql("select pid from pg_locks where relation = 'ops.dataset_versions'::regclass and not granted");
    ({ run_id } = await request(tenant.api, "create_run", { body: { queue, spec: tableSpec("silver.halfway", "select 1 as id", { mode: "append" }) } }));
    await until("the registration to wait for the lock", 30, async () => (await waiting()).length > 0);
    first.child.kill("SIGKILL");
    await first.exited;
    // Its last request is still in the database, and holds the lease until the request's own time limit.
    await until("the end of the dead worker's last request", 30, async () => (await waiting()).length === 0);
    expect(await live.sql("select version from ops.dataset_versions where run_id = $1", [run_id])).toEqual([]);
  } finally {
    await client.end();
  }
  const second = await aWorker(queue);
  expect(await ended(tenant.api, run_id, 60), second.log()).toMatchObject({ status: "succeeded", attempt: 2 });
  const publish = (await phasesOf(tenant.api, run_id)).find((phase) => phase.name === "publish");
  expect(publish?.metrics).toMatchObject({ tables: 1, adopted: 1 });
  await expectEffectsOnce(run_id, "silver.halfway");
});

test("a worker that is told to stop gives its run back at once; another finishes it and no attempt is spent", async () => {
  const queue = aQueue();
  const first = await aWorker(queue, { LEASE_SECONDS: "60" });
  const { run_id } = await aSlowRun(queue, "silver.drained", 6, 1);
  const engine = await computing(first, run_id);
  const told = performance.now();
  first.child.kill("SIGTERM");
  expect(await first.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - told, "milliseconds until it had ended").toBeLessThan(15_000);
  expect(isRunning(engine)).toBe(false);
  expect(existsSync(first.scratch) ? readdirSync(first.scratch) : []).toEqual([]);
  const given = await request(tenant.api, "get_run", { params: { run_id } });
  expect(given).toMatchObject({ status: "queued", attempt: 0 });
  await aWorker(queue);
  // One attempt is all it has: had the release cost one, it could not be claimed again.
  expect(await ended(tenant.api, run_id, 90)).toMatchObject({ status: "succeeded", attempt: 1 });
  expect((await eventsOf(tenant.api, run_id)).filter((event) => event.type === "RUN_RELEASED")).toHaveLength(1);
  await expectEffectsOnce(run_id, "silver.drained");
});

test("an idle worker that is told to stop ends at once", async () => {
  const worker = await aWorker(aQueue());
  await until("the worker's first line", 20, async () => worker.log().includes("executor ready"));
  worker.child.kill("SIGTERM");
  expect(await worker.exited).toEqual({ code: 0, signal: null });
});

test("cancelling a running run stops its engine within seconds and leaves nothing behind", async () => {
  const queue = aQueue();
  const worker = await aWorker(queue);
  const { run_id } = await aSlowRun(queue, "silver.canceled", 500);
  const engine = await computing(worker, run_id);
  const asked = performance.now();
  await request(tenant.api, "cancel_run", { params: { run_id }, body: { reason: "not wanted any more" } });
  const run = await ended(tenant.api, run_id, 30);
  expect(performance.now() - asked, "milliseconds until it had ended").toBeLessThan(15_000);
  expect(run).toMatchObject({ status: "canceled", error_code: "canceled", error_message: expect.stringContaining("not wanted any more") });
  await until("the engine's end", 10, async () => !isRunning(engine));
  expect((await eventsOf(tenant.api, run_id)).at(-1)?.type).toBe("RUN_CANCELED");
  for (const phase of await phasesOf(tenant.api, run_id)) expect(["failed", "skipped", "pending"], phase.name).toContain(phase.status);
  // The log of what was done stays: it becomes an artifact as soon as the tick compacts it.
  expect(await live.sql("select name from ops.run_artifacts where run_id = $1 and kind <> 'log'", [run_id])).toEqual([]);
  expect(existsSync(join(fileURLToPath(lakeOf(live)), tenant.environment_id, "silver/canceled/_delta_log"))).toBe(false);
  // The worker is fit for the next run.
  const next = await request(tenant.api, "create_run", { body: { queue, max_attempts: 1, spec: tableSpec("silver.next", "select 1 as id") } });
  expect(await ended(tenant.api, next.run_id)).toMatchObject({ status: "succeeded" });
});

const isRoot = process.getuid?.() === 0;
/** Another user cannot load the engine where it may not enter the checkout. */
const othersMayEnter = (folder: string): boolean => (statSync(folder).mode & 0o001) !== 0 && (dirname(folder) === folder || othersMayEnter(dirname(folder)));

test.runIf(isRoot && othersMayEnter(process.cwd()))("with EXECUTOR_CHILD_USER a worker computes, checks and publishes a table, and every engine is that user's", async () => {
  const queue = aQueue();
  const worker = await aWorker(queue, { EXECUTOR_CHILD_USER: "65534:65533" });
  const { run_id } = await aSlowRun(queue, "silver.others", 3);
  const engine = await computing(worker, run_id);
  const owner = statSync(`/proc/${engine}`);
  expect([owner.uid, owner.gid]).toEqual([65_534, 65_533]);
  const groups = /^Groups:[ \t]*(.*)$/m.exec(readFileSync(`/proc/${engine}/status`, "utf8"))?.[1]?.trim();
  expect(groups?.split(" ").filter((group) => group !== "" && group !== "65533"), "the worker's own groups").toEqual([]);
  expect(statSync(`/proc/${worker.pid}`).uid, "the worker's own").toBe(0);
  expect(await ended(tenant.api, run_id, 60), worker.log()).toMatchObject({ status: "succeeded", attempt: 1 });
  await expectEffectsOnce(run_id, "silver.others");
});

test.runIf(!isRoot)("a worker that is not root refuses EXECUTOR_CHILD_USER at its start", async () => {
  const worker = await aWorker(aQueue(), { EXECUTOR_CHILD_USER: "65534:65534" });
  expect(await worker.exited).toEqual({ code: 2, signal: null });
  expect(worker.log()).toContain("EXECUTOR_CHILD_USER");
});

test("a worker that slept past its lease writes nothing when it wakes, and the run that another finished stays right", async () => {
  const queue = aQueue();
  const sleeper = await aWorker(queue);
  const { run_id } = await aSlowRun(queue, "silver.slept", 6);
  await computing(sleeper, run_id);
  sleeper.child.kill("SIGSTOP");
  const other = await aWorker(queue);
  const run = await ended(tenant.api, run_id, 90);
  expect(run, other.log()).toMatchObject({ status: "succeeded", attempt: 2 });
  const [events, phases, rows] = [await eventsOf(tenant.api, run_id), await phasesOf(tenant.api, run_id), await live.sql("select * from ops.run_artifacts where run_id = $1 and kind <> 'log' order by artifact_id", [run_id])];
  sleeper.child.kill("SIGCONT");
  await until(`the sleeper to notice (${sleeper.log().slice(-500)})`, 30, async () => sleeper.log().includes("the lease is lost"));
  sleeper.child.kill("SIGTERM");
  expect((await sleeper.exited).code).toBe(0);
  expect(sleeper.log()).toContain('"lease_lost":1');
  expect(await eventsOf(tenant.api, run_id)).toEqual(events);
  expect(await phasesOf(tenant.api, run_id)).toEqual(phases);
  expect(await live.sql("select * from ops.run_artifacts where run_id = $1 and kind <> 'log' order by artifact_id", [run_id])).toEqual(rows);
  // Its score is the tick's, and may come meanwhile.
  const { score: _later, ...afterwards } = await request(tenant.api, "get_run", { params: { run_id } });
  const { score: _before, ...recorded } = run;
  expect(afterwards).toEqual(recorded);
  await expectEffectsOnce(run_id, "silver.slept");
});
