import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ensureBuilt } from "../build.mjs";
import type { Send } from "./demand.ts";
import { startChaosStack, type ChaosStack } from "./stack.ts";
import { storm, type StormOptions } from "./storm.ts";

// A harness that never finds anything proves nothing: each defect is planted in a product that runs, and must be found.
let stack: ChaosStack;
let healing: string[] = [];

beforeAll(async () => {
  await ensureBuilt(["bundles", "web"]);
  stack = await startChaosStack();
});
afterEach(async () => {
  // Taken away from whoever stays broken: the next storm has a tenant of its own, but one queue of expired leases.
  for (const sql of healing) await stack.live.sql(sql);
  healing = [];
});
afterAll(() => stack?.stop());

const quick: StormOptions = { seconds: 5, seed: 7, lease_seconds: 1, faults: [], every_ms: 400, light: 3, workers: 0, rate: 6, tables_per_second: 0, calm_seconds: 20 };

/** Replaces functions of the product, until the test is over. */
async function plant(signature: string, change: (source: string) => string): Promise<void> {
  const [row] = await stack.live.sql<{ source: string }>("select pg_get_functiondef($1::regprocedure) as source", [signature]);
  const source = row?.source ?? "";
  const changed = change(source);
  expect(changed, "the defect changes the function").not.toBe(source);
  healing.push(source);
  await stack.live.sql(changed);
}

/** What storms leave behind until all that is looked for was found, or four have passed: whether one executor sleeps at the wrong moment is chance. */
async function breachesOf(more: Partial<StormOptions>, sought: RegExp[] = []): Promise<string> {
  let found = "";
  for (let seed = quick.seed; seed < quick.seed + 4; seed += 1) {
    found += (await storm(stack, { ...quick, seed, ...more })).breaches.join("\n") + "\n";
    if (sought.every((pattern) => pattern.test(found))) break;
  }
  return found.trim();
}

async function expectFound(sought: RegExp[], more: Partial<StormOptions>): Promise<void> {
  const found = await breachesOf(more, sought);
  for (const pattern of sought) expect(found).toMatch(pattern);
}

test("without a defect it finds nothing", async () => {
  expect(await breachesOf({ faults: ["pause_executor", "kill_executor", "shift_clock"], calm_seconds: 60 })).toBe("");
});

test("it finds that nothing fences a paused executor", async () => {
  await plant("ops_private.hold(uuid, uuid)", (source) => source.replace(/select \* into lease from ops\.leases[\s\S]*?end if;/, `
    select * into lease from ops.leases as l where l.run_id = run for update;
    if not found then
      lease.run_id := run;
      lease.executor_id := me.id;
      select r.environment_id into lease.environment_id from ops.runs as r where r.run_id = run;
    end if;
    return lease;`));
  await expectFound([/zombie|not true: a terminal run has one terminal event, last|double effect/], { faults: ["pause_executor"] });
});

test("it finds that a zombie's result is taken, since the fence asks whether somebody holds the run and not who", async () => {
  await plant("ops_private.hold(uuid, uuid)", (source) => source.replace("l.run_id = run and l.lease_token = token and l.executor_id = me.id", "l.run_id = run"));
  await expectFound([/^zombie: /m], { faults: ["pause_executor"] });
});

test("it finds that nobody sweeps expired leases", async () => {
  await plant("ops_private.lock_expired(interval, bigint[], integer)", (source) => source.replace(/begin[\s\S]*end\n/, "begin\n  return '{}';\nend\n"));
  await expectFound([/^stuck: /m], { faults: ["kill_executor"], calm_seconds: 4 });
});

test("it finds several defects in one storm: a gap in the numbers of events, limits counted without a lock, and runs acknowledged before they are written", async () => {
  await plant("ops_private.append_events(uuid, uuid, jsonb)", (source) => source.replace("set last_seq = h.last_seq + added", "set last_seq = h.last_seq + added + (random() < 0.2)::int"));
  // Nothing is parked when it is created, so that the claims alone hold the limits; and there is time between their count and their leases.
  await plant("ops_private.full_limit(bigint, bigint[], numeric[])", (source) => source.replace("where free.room", "where false and free.room"));
  await plant("ops_private.lock_gates(bigint[])", (source) => source.replace(/perform[\s\S]*?;/, "return;"));
  await plant("ops_private.pass_gates(uuid[], bigint[], timestamptz)", (source) => source.replace("for run in select", "perform pg_sleep(0.2);\n  for run in select"));
  // And a cap's live leases are counted as they were two seconds ago.
  await plant("ops_private.cap_reserved(uuid, timestamptz)", (source) => source.replace("l.period_start = starts_at", "l.period_start = starts_at and l.claimed_at < clock_timestamp() - interval '2 seconds'"));
  let asked = 0;
  const early = (send: Send): Send => async (method, path, body, headers) => {
    if (path === "/runs") asked += 1;
    // What a web app would do that answers first and then dies.
    if (path === "/runs" && asked % 7 === 0) return { status: 201, body: { run_id: crypto.randomUUID() } };
    return send(method, path, body, headers);
  };
  await expectFound([/not true: events are 1\.\.n/, /^over limit: more than 2 runs of one key/m, /^over limit: a cap of 5 runs/m, /^lost: /m], { spoil: early, rate: 10, keyed: 0.5, capped: 0.5 });
});

test("it finds that a commit is acknowledged before it is durable", async () => {
  healing.push("alter role authenticator reset synchronous_commit");
  await stack.live.sql("alter role authenticator set synchronous_commit = off");
  stack.link.sever(); // sessions take the setting when they begin
  await expectFound([/^lost: |wrong answer|not true/m], { faults: ["kill_database"], every_ms: 1500, rate: 20, light: 1, calm_seconds: 30 });
});
