import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { openLineageEvent } from "../../contracts/lineage.ts";
import type { RpcArgs, RpcName } from "../../contracts/rpc.ts";
import { eventsOf, phaseRunId, type RunEvent } from "../../lib/ops/openlineage-events.ts";
import { openReceiverKey, sealReceiverKey } from "../../lib/ops/receiver-key.ts";
import { allTold, lineage } from "../../lib/ops/tick/lineage.ts";
import type { Db } from "../../lib/supabase/client.ts";
import { aClaim, anExecutor, aRun, aTenant, call, cronSecret, openWorld, refusal, specText, type Tenant, type World } from "./world.ts";

vi.hoisted(() => {
  process.env.LOG_LEVEL = "error";
});
// A receiver of OpenLineage that is real, and misbehaves.
let world: World;
let tenant: Tenant;
let executor: { token: string; executor_id: string };
let receiver: Server;
let url: string;
let db: Db;
const received: { authorization: string | undefined; event: RunEvent }[] = [];
let behave: (request: IncomingMessage, response: ServerResponse) => void;
const service = { token: cronSecret };

beforeAll(async () => {
  process.env.CONTROL_ROOM_SIGNING_KEY = `whsk_${randomBytes(32).toString("base64")}`;
  process.env.CONTROL_ROOM_OUTBOUND_ALLOW = "127.0.0.0/8";
  world = await openWorld(12);
  db = { rpc: async (name: RpcName, args: RpcArgs<RpcName>) => ({ data: await call(world, service, name, args), error: null }) } as unknown as Db;
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ authorization: request.headers.authorization, event: JSON.parse(Buffer.concat(chunks).toString()) as RunEvent });
      behave(request, response);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/api/v1/lineage`;
});
afterAll(async () => {
  receiver?.closeAllConnections();
  receiver?.close();
  await world?.drop();
});
beforeEach(async () => {
  behave = (_, response) => response.writeHead(201).end();
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
  await put({});
});
afterEach(async () => {
  await allTold();
  await call(world, tenant.api, "delete_lineage_receiver", { environment_id: tenant.environment_id });
  received.length = 0;
});

const put = (more: Partial<RpcArgs<"put_lineage_receiver">>) => call(world, tenant.api, "put_lineage_receiver", { environment_id: tenant.environment_id, url, ...more });
const state = () => call(world, tenant.api, "get_lineage_receiver", { environment_id: tenant.environment_id });
const dueNow = () => world.owner.query("update ops_private.lineage_receivers set next_attempt_at = clock_timestamp() where environment_id = $1", [tenant.environment_id]);
async function tickOnce(): Promise<void> {
  await lineage.run(db, performance.now() + 20_000);
  await allTold();
}
const said = (of: string) => received.filter(({ event }) => event.run.runId === of).map(({ event }) => event.eventType);

/** A run of one phase that has begun. */
async function aRunUnderWay() {
  const run_id = await aRun(world, tenant, { spec_text: specText(["only"]) });
  const { lease } = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", lease);
  const phaseIs = (status: "running" | "succeeded" | "failed") => call(world, executor, "set_phase", { ...lease, name: "only", patch: { status } });
  await phaseIs("running");
  return { run_id, lease, phaseIs, phase_run_id: phaseRunId(run_id, "only") };
}
async function aDoneRun(): Promise<string> {
  const { run_id, lease, phaseIs } = await aRunUnderWay();
  await phaseIs("succeeded");
  await call(world, executor, "complete_run", lease);
  return run_id;
}

test("a run is told while it is under way: START, RUNNING at the end of a phase, COMPLETE last, each once and as records say it", async () => {
  const { run_id, lease, phaseIs, phase_run_id } = await aRunUnderWay();
  await tickOnce();
  expect([said(run_id), said(phase_run_id)]).toEqual([["START"], ["START"]]);
  await tickOnce(); // nothing new
  await phaseIs("succeeded");
  await tickOnce();
  expect([said(run_id), said(phase_run_id)]).toEqual([["START", "RUNNING"], ["START", "COMPLETE"]]);
  await call(world, executor, "complete_run", lease);
  await tickOnce();
  await tickOnce();
  expect([said(run_id), said(phase_run_id)]).toEqual([["START", "RUNNING", "COMPLETE"], ["START", "COMPLETE"]]);
  for (const { event, authorization } of received) {
    expect(openLineageEvent.safeParse(event).error?.issues).toBeUndefined();
    expect(authorization).toBeUndefined();
  }
  expect(received.map(({ event }) => event)).toEqual(eventsOf(await call(world, tenant.api, "read_lineage_records", { run_id })));
  expect(await state()).toMatchObject({ delivered: "5", refused: "0", waiting_runs: 0, failures: 0, last_status: 201, last_error: null });
});

test("a phase that is tried again is told as FAIL only when its run has ended, before its run", async () => {
  const { run_id, lease, phaseIs, phase_run_id } = await aRunUnderWay();
  await phaseIs("failed");
  await phaseIs("running");
  await phaseIs("failed");
  await tickOnce();
  expect([said(run_id), said(phase_run_id)]).toEqual([["START", "RUNNING", "RUNNING"], ["START", "RUNNING"]]);
  await call(world, executor, "fail_run", { ...lease, error_code: "sql_error", error_message: "no", permanent: true });
  await tickOnce();
  expect([said(run_id), said(phase_run_id)]).toEqual([["START", "RUNNING", "RUNNING", "FAIL"], ["START", "RUNNING", "FAIL"]]);
  expect(received.slice(-2).map(({ event }) => event.run.runId)).toEqual([phase_run_id, run_id]);
  const waiting = await aRun(world, tenant);
  await call(world, tenant.api, "cancel_run", { run_id: waiting });
  await tickOnce();
  expect(said(waiting)).toEqual(["ABORT"]);
});

test("while the receiver is down nothing is lost: it is tried again, later and later, and then every run is told in order from where it was", async () => {
  const first = await aRunUnderWay();
  behave = (request, response) => (received.length === 1 ? response.writeHead(201).end() : request.socket.destroy());
  await tickOnce(); // the first event arrives, the second does not
  expect(await state()).toMatchObject({ delivered: "1", failures: 1, last_status: null, last_error: expect.stringContaining("connection failed") as string });
  await first.phaseIs("succeeded");
  await call(world, executor, "complete_run", first.lease);
  const others = [await aDoneRun(), await aDoneRun()];
  const waits: number[] = [];
  for (const status of [503, 302, 401, 500, 429, 404, 500, 500]) {
    behave = (_, response) => response.writeHead(status).end();
    received.length = 0;
    await tickOnce(); // not due yet
    expect(received).toHaveLength(0);
    await dueNow();
    await tickOnce();
    expect(received).toHaveLength(1); // nothing goes past an event that did not arrive
    waits.push((Date.parse((await state()).next_attempt_at) - Date.now()) / 1000);
  }
  const bases = [10, 20, 40, 80, 160, 320, 600, 600];
  for (const [index, seconds] of waits.entries()) {
    expect(seconds).toBeGreaterThan(bases[index]! * 0.9);
    expect(seconds).toBeLessThan(bases[index]! * 1.55);
  }
  expect(await state()).toMatchObject({ waiting_runs: 3, failures: 9, last_error: "HTTP 500." });
  behave = (_, response) => response.writeHead(200).end();
  received.length = 0;
  await dueNow();
  await tickOnce();
  expect(said(first.run_id)).toEqual(["RUNNING", "COMPLETE"]); // its START had arrived
  expect(said(first.phase_run_id)).toEqual(["START", "COMPLETE"]);
  for (const run_id of others) expect(said(run_id)).toEqual(["START", "RUNNING", "COMPLETE"]);
  expect(await state()).toMatchObject({ waiting_runs: 0, failures: 0, last_error: null });
  const { rows } = await world.owner.query("select 1 from ops_private.lineage_told where environment_id = $1", [tenant.environment_id]);
  expect(rows).toEqual([]);
});

test("an event that the receiver will never take holds up none behind it, and what ended 14 days ago is given up", async () => {
  const run_id = await aDoneRun();
  behave = (_, response) => response.writeHead(received.length === 1 ? 422 : 201).end();
  await tickOnce();
  expect(said(run_id)).toEqual(["START", "RUNNING", "COMPLETE"]);
  expect(await state()).toMatchObject({ delivered: "4", refused: "1", waiting_runs: 0 });
  await aDoneRun();
  await world.owner.query("update ops_private.lineage_ended set ended_at = now() - interval '14 days 1 second' where environment_id = $1", [tenant.environment_id]);
  await tickOnce();
  expect(await state()).toMatchObject({ delivered: "4", given_up: "1", waiting_runs: 0 });
});

test("many schedulers at once tell each event once, and a sender that died leaves the rest to the next", async () => {
  const runs = [await aDoneRun(), await aDoneRun(), await aDoneRun()];
  await Promise.all(Array.from({ length: 8 }, () => lineage.run(db, performance.now() + 20_000)));
  await allTold();
  for (const run_id of runs) expect(said(run_id)).toEqual(["START", "RUNNING", "COMPLETE"]);
  expect(received).toHaveLength(15);
  const later = await aDoneRun();
  const [dead] = await call(world, service, "take_lineage", {});
  await tickOnce();
  expect(said(later)).toEqual([]); // another has it
  await world.owner.query("update ops_private.lineage_receivers set sending_until = now() where environment_id = $1", [tenant.environment_id]);
  await tickOnce();
  expect(said(later)).toEqual(["START", "RUNNING", "COMPLETE"]);
  expect(await call(world, service, "settle_lineage", { environment_id: tenant.environment_id, attempt: dead!.attempt, told: [], delivered: 0, error: "late" })).toBe(false);
});

test("the key goes as Bearer to the host that it was given for and to no other, and nobody reads it again", async () => {
  const key = "a-key-of-the-receiver";
  const sealed_key = sealReceiverKey(key, tenant.environment_id, url);
  expect(JSON.stringify(await put({ sealed_key }))).not.toContain(sealed_key);
  await put({ keep_key: true, url: `${url}?moved=here` });
  await aDoneRun();
  await tickOnce();
  expect(new Set(received.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${key}`]));
  for (const [environment, to] of [[tenant.environment_id, "http://127.0.0.1:9/api"], [tenant.organization_id, url]] as const) expect(() => openReceiverKey(sealed_key, environment, to)).toThrow();
  expect(await put({ keep_key: true, url: "https://elsewhere.example.test/lineage" })).toMatchObject({ has_key: false });
  await put({ sealed_key: sealReceiverKey(key, tenant.environment_id, "http://127.0.0.1:9/") });
  received.length = 0;
  await aDoneRun();
  await tickOnce();
  expect(received).toEqual([]);
  expect(await state()).toMatchObject({ last_error: expect.stringContaining("cannot be opened") as string, waiting_runs: 1 });
  const { rows } = await world.owner.query("select action, after from ops.audit_log where environment_id = $1 and action like 'lineage_receiver.%'", [tenant.environment_id]);
  expect(rows.length).toBeGreaterThan(3);
  expect(JSON.stringify(rows)).not.toMatch(/api\/v1|moved/);
});

test("without a receiver, with a disabled one and for a verification nothing is kept, and only an admin sets one", async () => {
  const isolated = await aRun(world, tenant);
  await world.owner.query("update ops.runs set isolated = true where run_id = $1", [isolated]);
  await call(world, tenant.api, "cancel_run", { run_id: isolated });
  expect(await state()).toMatchObject({ waiting_runs: 0 });
  await aDoneRun();
  expect(await state()).toMatchObject({ waiting_runs: 1 });
  await put({ enabled: false });
  await aDoneRun();
  expect(await state()).toMatchObject({ waiting_runs: 0, enabled: false });
  await tickOnce();
  expect(received).toEqual([]);
  expect((await refusal(call(world, executor, "put_lineage_receiver", { environment_id: tenant.environment_id, url }))).code).toBe("forbidden");
  expect((await refusal(call(world, tenant.api, "take_lineage", {}))).code).toBe("forbidden");
});
