import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { errorCodes } from "../../contracts/error.ts";
import type { RunWrite } from "../../contracts/report.ts";
import type { RunStatus } from "../../contracts/run.ts";
import { runStatuses, terminalStatuses } from "../../contracts/words.ts";
import { aClaim, anExecutor, aRun, aTenant, brokenInvariants, call, expireLease, openWorld, refusal, specText, statusOf, tick, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
beforeAll(async () => {
  world = await openWorld(10);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

type Lease = { run_id: string; lease_token: string };
/** Of every claim, in the order in which they were made one after the other. */
const fences: bigint[] = [];
const commands = [
  "claim", "claim_started", "start", "heartbeat", "complete", "fail", "fail_for_good", "release", "release_with_labels", "wait_for_children", "cancel", "terminate", "supersede", "retry",
  "expire_lease", "pass_expires_at", "pass_timeout", "exceed_cap", "append_events", "append_logs", "set_phase", "report_start", "report_complete", "report_fail", "report_release",
] as const;
type Command = (typeof commands)[number];
/** What holds besides the status: attempts used (of 2), whether it ever started, whether a cancellation was asked for, why its holder was told to stop, how the last lease ended. */
interface Model { status: RunStatus; attempt: number; started: boolean; asked: boolean; stop: "timeout" | "cap_exceeded" | null; reported: RunStatus | null }

/** A report of one write means what the function of that write means, and other ways to give a run back are a release. */
const aliases: Partial<Record<Command, Command>> = {
  report_start: "start", report_complete: "complete", report_fail: "fail", report_release: "release", release_with_labels: "release", wait_for_children: "release",
};

/** The state machine of design.md: the next state, or the code of the refusal. */
function expected(model: Model, asked: Command): Model | string {
  const command = aliases[asked] ?? asked;
  const active = model.status === "claimed" || model.status === "running";
  const terminal = (terminalStatuses as readonly string[]).includes(model.status);
  /** A run that was to stop ends so, whatever its executor says. */
  const stopped: RunStatus | null = model.asked || model.stop === "cap_exceeded" ? "canceled" : model.stop === "timeout" ? "failed" : null;
  const without: Pick<Model, "stop"> = { stop: null }; // with its lease
  const ends = (status: RunStatus, more: Partial<Model> = {}): Model => (stopped === null ? { ...model, ...without, status, reported: status, ...more } : { ...model, ...without, status: stopped, reported: stopped });
  switch (command) {
    case "claim": return model.status === "queued" ? { ...model, status: "claimed", attempt: model.attempt + 1, reported: null } : model;
    case "claim_started": return model.status === "queued" ? { ...model, status: "running", attempt: model.attempt + 1, started: true, reported: null } : model;
    case "cancel":
      if (model.status === "queued") return { ...model, status: "canceled", asked: true };
      if (active) return { ...model, asked: true };
      return model.status === "canceled" ? model : "run_finished";
    case "terminate": return terminal ? model : { ...model, ...without, status: "canceled", reported: active ? null : model.reported };
    case "supersede": return model.status === "queued" && !model.started ? { ...model, status: "canceled" } : model;
    case "pass_expires_at": return model.status === "queued" ? { ...model, status: "canceled" } : model;
    case "expire_lease":
      if (!active) return model;
      return { ...model, ...without, status: stopped ?? (model.attempt >= 2 ? "failed" : "queued"), reported: null };
    case "retry": return terminal ? model : "illegal_transition"; // a new run; this one stays as it is
    default:
      if (!active) return model.reported !== null && ["complete", "fail", "fail_for_good", "release"].includes(command) ? model : "lease_lost";
  }
  if (command === "start") return { ...model, status: "running", started: true };
  if (command === "pass_timeout") return { ...model, stop: model.stop ?? (model.asked ? null : "timeout") };
  if (command === "exceed_cap") return { ...model, stop: model.stop ?? (model.asked ? null : "cap_exceeded") };
  if (command === "heartbeat" || command === "append_events" || command === "append_logs") return model;
  if (command === "set_phase") return "not_found"; // these runs have no phases
  if (command === "release") return ends("queued", { attempt: model.attempt - 1 });
  if (command === "fail") return ends(model.attempt >= 2 ? "failed" : "queued");
  if (command === "fail_for_good") return ends("failed");
  return stopped !== null || model.status === "running" ? ends("succeeded") : "illegal_transition";
}

async function perform(command: Command, run_id: string, lease: Lease): Promise<Lease> {
  const failing = { ...lease, error_code: "sql_error", error_message: "no", retry_after_seconds: 0 };
  switch (command) {
    case "claim":
    case "claim_started": return (await call(world, executor, "claim_runs", { run_id, labels: ["gpu"], lease_seconds: 600, start: command === "claim_started" })).items.map((item) => {
      fences.push(BigInt(item.fence));
      return { run_id, lease_token: item.lease_token };
    })[0] ?? lease;
    case "start": await call(world, executor, "start_run", lease); break;
    case "heartbeat": await call(world, executor, "heartbeat_run", lease); break;
    case "complete": await call(world, executor, "complete_run", lease); break;
    case "fail": await call(world, executor, "fail_run", failing); break;
    case "fail_for_good": await call(world, executor, "fail_run", { ...failing, permanent: true }); break;
    case "release": await call(world, executor, "release_run", lease); break;
    case "release_with_labels": await call(world, executor, "release_run", { ...lease, labels: ["gpu"] }); break;
    case "wait_for_children": await call(world, executor, "wait_for_children", lease); break;
    case "cancel": await call(world, tenant.api, "cancel_run", { run_id }); break;
    case "terminate": await world.owner.query("select ops_private.cancel_all(array[$1::uuid], 'by its schedule', true)", [run_id]); break;
    case "supersede": await call(world, tenant.api, "cancel_run", { run_id: await aRun(world, tenant, { debounce_key: await keyOf(run_id) }) }); break;
    case "expire_lease": await expireLease(world, run_id); await tick(world); break;
    case "pass_expires_at":
      await world.owner.query("update ops.runs set expires_at = clock_timestamp() - interval '1 second' where run_id = $1", [run_id]);
      await tick(world);
      await world.owner.query("update ops.runs set expires_at = null where run_id = $1", [run_id]);
      break;
    case "pass_timeout":
      await world.owner.query("update ops.leases set deadline_at = clock_timestamp() where run_id = $1", [run_id]);
      await call(world, executor, "heartbeat_run", lease);
      break;
    case "exceed_cap": await call(world, executor, "heartbeat_run", { ...lease, usage: { rows: 101 } }); break;
    case "retry": {
      const again = await call(world, tenant.api, "retry_run", { run_id });
      expect(again.run_id).not.toBe(run_id);
      await call(world, tenant.api, "cancel_run", { run_id: again.run_id });
      break;
    }
    case "append_events": await call(world, executor, "append_events", { ...lease, events: [{ event_id: randomUUID(), type: "NOTE" }] }); break;
    case "append_logs": await call(world, executor, "append_logs", { ...lease, chunks: [{ chunk_id: randomUUID(), stream: "stdout", text: "a line" }] }); break;
    case "set_phase": await call(world, executor, "set_phase", { ...lease, name: "nothing", patch: { status: "running" } }); break;
    case "report_start": await report(lease, { type: "start" }); break;
    case "report_complete": await report(lease, { type: "complete" }); break;
    case "report_fail": await report(lease, { type: "fail", error_code: "sql_error", error_message: "no", retry_after_seconds: 0 }); break;
    case "report_release": await report(lease, { type: "release" }); break;
  }
  return lease;
}

/** A run with a debounce key and a cap of its own, where the path has use for them. */
async function aRunFor(path: readonly Command[], max_attempts: number): Promise<string> {
  const key = `k${randomUUID()}`;
  const capped = path.includes("exceed_cap");
  if (capped) await call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key: key, unit: "rows", period: "month", limit_amount: "100" } });
  return aRun(world, tenant, { spec_text: specText([]), max_attempts, ...(path.includes("supersede") && { debounce_key: key }), ...(capped && { caps: [{ key, amount: 1 }] }) });
}
async function keyOf(run_id: string): Promise<string> {
  return (await world.owner.query("select debounce_key from ops.runs where run_id = $1", [run_id])).rows[0].debounce_key;
}

async function report(lease: Lease, write: RunWrite): Promise<void> {
  const [answer] = (await call(world, executor, "report_runs", { reports: [{ ...lease, writes: [write] }] })).items;
  if (answer?.ok === false) throw new Error(answer.error.code);
}

async function walk(path: readonly Command[]): Promise<void> {
  const run_id = await aRunFor(path, 2);
  let lease: Lease = { run_id, lease_token: run_id };
  let model: Model = { status: "queued", attempt: 0, started: false, asked: false, stop: null, reported: null };
  for (const [at, command] of path.entries()) {
    const next = expected(model, command);
    const where = `${path.slice(0, at + 1).join(" → ")} from ${model.status}`;
    if (typeof next === "string") {
      expect((await refusal(perform(command, run_id, lease))).code, where).toBe(next);
    } else {
      lease = await perform(command, run_id, lease);
      model = next;
    }
    const { rows } = await world.owner.query("select status, attempt from ops.runs where run_id = $1", [run_id]);
    expect(rows[0], where).toEqual({ status: model.status, attempt: model.attempt });
  }
}

test("every command in every state does what the state machine says", async () => {
  const ways: Record<RunStatus, Command[]> = {
    queued: [], claimed: ["claim"], running: ["claim", "start"], succeeded: ["claim", "start", "complete"], failed: ["claim", "fail_for_good"], canceled: ["cancel"],
  };
  for (const status of runStatuses) for (const command of commands) await walk([...ways[status], command]);
});

test("any walk of commands stays within the state machine", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...commands), { minLength: 3, maxLength: 12 }), walk), { numRuns: 40 });
  expect(fences, "fences only grow").toEqual(fences.toSorted((a, b) => (a < b ? -1 : 1)));
  expect(new Set(fences).size).toBe(fences.length);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("with eight callers at once a run's events are committed in order, without a gap that anybody could see", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...commands), { minLength: 24, maxLength: 48 }), async (path) => {
    const run_id = await aRunFor(path, 3);
    let lease: Lease = { run_id, lease_token: run_id };
    let over = false;
    const reader = (async () => {
      for (let seen = 0; !over;) {
        const { rows } = await world.owner.query<{ count: number; last: number }>("select count(*)::int, max(seq) as last from ops.run_events where run_id = $1", [run_id]);
        expect(rows[0]?.last).toBe(rows[0]?.count);
        expect(rows[0]?.count).toBeGreaterThanOrEqual(seen);
        seen = rows[0]?.count ?? 0;
      }
    })();
    const left = [...path];
    const caller = async (): Promise<void> => {
      for (let command = left.shift(); command !== undefined; command = left.shift()) {
        // Refused by what another caller did first: any code of ours, never a deadlock or a broken constraint.
        lease = await perform(command, run_id, lease).catch((error: Error) => {
          expect(errorCodes, `${command}: ${error.message}`).toContain(error.message);
          return lease;
        });
      }
    };
    await Promise.all(Array.from({ length: 8 }, caller)).finally(() => { over = true; });
    await reader;
  }), { numRuns: 12 });
  expect(await brokenInvariants(world)).toEqual([]);
});

/** A refused UPDATE is told before its transaction lets go of the row, and a claim skips rows that somebody holds. */
async function untilLetGo(run_id: string): Promise<void> {
  await world.owner.query("select from ops.runs where run_id = $1 for update", [run_id]);
}

test("terminal is final, for a direct UPDATE of the owner too", async () => {
  const ends: Record<(typeof terminalStatuses)[number], Command[]> = { succeeded: ["claim", "start", "complete"], failed: ["claim", "fail_for_good"], canceled: ["cancel"] };
  for (const from of terminalStatuses) {
    const run_id = await aRun(world, tenant, { spec_text: specText([]) });
    let lease: Lease = { run_id, lease_token: run_id };
    for (const command of ends[from]) lease = await perform(command, run_id, lease);
    expect(await statusOf(world, run_id)).toBe(from);
    for (const to of runStatuses.filter((status) => status !== from)) {
      const update = world.owner.query("update ops.runs set status = $2, finished_at = case when $2 in ('succeeded', 'failed', 'canceled') then now() end, error_code = 'x' where run_id = $1", [run_id, to]);
      expect((await refusal(update)).code, `${from} to ${to}`).toBe("run_finished");
    }
  }
});

test("steps that skip a state are refused to the owner's UPDATE", async () => {
  const run_id = await aRun(world, tenant);
  for (const to of ["running", "succeeded"]) {
    expect((await refusal(world.owner.query("update ops.runs set status = $2, executor_id = $3, finished_at = case when $2 = 'succeeded' then now() end where run_id = $1", [run_id, to, executor.executor_id]))).code).toBe("illegal_transition");
  }
  await untilLetGo(run_id);
  await aClaim(world, executor, { run_id });
  expect((await refusal(world.owner.query("update ops.runs set status = 'succeeded', finished_at = now() where run_id = $1", [run_id]))).code).toBe("illegal_transition");
});

test("what a run's columns may say together is held by named constraints", async () => {
  const run_id = await aRun(world, tenant);
  const refused: Record<string, string> = {
    status_is_known: "status = 'paused'",
    finished_only_when_terminal: "finished_at = now()",
    an_active_run_has_an_executor: "status = 'claimed'",
    a_failed_run_says_why: "status = 'failed', finished_at = now()",
    priority_is_in_range: "priority = 1001",
    max_attempts_is_positive: "max_attempts = 0",
    attempt_is_not_negative: "attempt = -1",
    parameters_are_an_object: "parameters = '[]'",
    trigger_is_known: "trigger = 'magic'",
    kind_is_known: "kind = 'cobol'",
  };
  for (const [constraint, assignment] of Object.entries(refused)) {
    await expect(world.owner.query(`update ops.runs set ${assignment} where run_id = $1`, [run_id]), assignment).rejects.toMatchObject({ code: "23514", constraint });
  }
  await untilLetGo(run_id);
  await aClaim(world, executor, { run_id });
  await expect(world.owner.query("update ops.runs set not_before = now() where run_id = $1", [run_id])).rejects.toMatchObject({ constraint: "only_a_queued_run_waits" });
});

test("a phase goes its own ways only, and waits for those before it", async () => {
  const run_id = await aRun(world, tenant);
  const { lease } = await aClaim(world, executor, { run_id });
  const set = (name: string, status: string) => call(world, executor, "set_phase", { ...lease, name, patch: { status } as never });
  expect((await refusal(set("extract", "running"))).code).toBe("illegal_transition"); // before start
  await call(world, executor, "start_run", lease);
  expect((await refusal(set("check", "running"))).code).toBe("illegal_transition"); // extract has not ended
  expect((await refusal(set("extract", "succeeded"))).code).toBe("illegal_transition");
  expect((await refusal(set("extract", "pending"))).code).toBe("invalid_input");
  expect((await refusal(set("extract", "reused"))).code).toBe("invalid_input");
  expect((await refusal(set("nothing", "running"))).code).toBe("not_found");
  await set("extract", "running");
  await set("extract", "failed");
  expect((await set("extract", "running")).attempt).toBe(2); // a retry inside the lease
  await set("extract", "succeeded");
  await set("extract", "succeeded"); // says nothing new
  expect((await refusal(set("extract", "running"))).code).toBe("illegal_transition");
  await set("check", "skipped");
  expect((await refusal(call(world, executor, "complete_run", lease))).code).toBe("illegal_transition"); // load is pending
  const { rows } = await world.owner.query("select type from ops.run_events where run_id = $1 and phase = 'extract' order by seq", [run_id]);
  expect(rows.map((row) => row.type)).toEqual(["PHASE_STARTED", "PHASE_FAILED", "PHASE_STARTED", "PHASE_SUCCEEDED"]);
});
