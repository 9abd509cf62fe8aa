import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cap } from "../../contracts/cap.ts";
import {
  aClaim, anApiToken, anExecutor, aRun, aTenant, brokenInvariants, call, claimSome, eventTypes, expireLease, finish, leaseOf, openWorld, refusal, specText, statusOf, tick, type Tenant, type World,
} from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld(60);
});
afterAll(() => world?.drop());

async function aCap(tenant: Tenant, cap_key: string, limit: number, more: Partial<Pick<Cap, "unit" | "period" | "time_zone">> = {}): Promise<Cap> {
  return call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key, unit: "runs", period: "day", limit_amount: String(limit), ...more } });
}
async function manyRuns(tenant: Tenant, count: number, more: Parameters<typeof aRun>[2] = {}): Promise<void> {
  for (let start = 0; start < count; start += 25) await Promise.all(Array.from({ length: Math.min(25, count - start) }, () => aRun(world, tenant, { spec_text: specText(["work"]), ...more })));
}
const use = async (tenant: Tenant, cap: Cap) => {
  const { used, reserved } = await call(world, tenant.api, "get_cap", { cap_id: cap.cap_id });
  return { used: Number(used), reserved: Number(reserved) };
};

test("200 parallel claims against a cap with room for 37 give 37, three times", async () => {
  for (let turn = 0; turn < 3; turn++) {
    const tenant = await aTenant(world);
    const executor = await anExecutor(world, tenant);
    const cap = await aCap(tenant, "odoo", 37);
    await manyRuns(tenant, 200, { caps: [{ key: "odoo" }] });
    // Nothing parks them beforehand: the claims alone must hold the line.
    await world.owner.query("update ops.runs set blocked_gate = null, queue_reason = null where environment_id = $1", [tenant.environment_id]);
    const taken = (await Promise.all(Array.from({ length: 200 }, () => claimSome(world, executor)))).flat();
    expect(taken).toHaveLength(37);
    expect(await use(tenant, cap)).toEqual({ used: 0, reserved: 37 });
    expect(await brokenInvariants(world)).toEqual([]);
  }
});

test("parallel claims, ends and releases never let a cap's window hold more than its limit, and use is what ended", async () => {
  const tenant = await aTenant(world);
  const executors = await Promise.all(Array.from({ length: 8 }, () => anExecutor(world, tenant)));
  const cap = await aCap(tenant, "api", 40);
  await manyRuns(tenant, 80, { caps: [{ key: "api" }], max_attempts: 1 });
  let ended = 0;
  await Promise.all(executors.map(async (executor, nth) => {
    for (let turn = 0; turn < 12; turn++) {
      for (const claim of await claimSome(world, executor, { max_runs: 2 })) {
        if ((turn + nth) % 3 === 0) await call(world, executor, "release_run", leaseOf(claim));
        else {
          ended += 1;
          await call(world, executor, "fail_run", { ...leaseOf(claim), error_code: "x", error_message: "x" });
        }
      }
      const now = await use(tenant, cap);
      expect(now.used + now.reserved).toBeLessThanOrEqual(40);
    }
  }));
  const left = await use(tenant, cap);
  expect(left).toEqual({ used: ended, reserved: left.reserved });
  expect(await brokenInvariants(world)).toEqual([]);
});

test("when the window ends, runs that waited for the cap go on, by a claim alone", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const cap = await aCap(tenant, "daily", 1);
  await manyRuns(tenant, 2, { caps: [{ key: "daily" }] });
  await finish(world, executor, await aClaim(world, executor));
  expect(await claimSome(world, executor)).toEqual([]);
  // The window moves on: yesterday's use is of yesterday, and the gate's time has come.
  await world.owner.query("update ops.cap_usage set period_start = period_start - interval '1 day' where cap_id = $1", [cap.cap_id]);
  await world.owner.query("update ops_private.gates set opens_at = clock_timestamp() where environment_id = $1 and opens_at is not null", [tenant.environment_id]);
  expect(await claimSome(world, executor)).toHaveLength(1);
});

test("a raised, switched-off or deleted cap lets those through that waited for it, at once", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const cap = await aCap(tenant, "narrow", 0);
  await manyRuns(tenant, 6, { caps: [{ key: "narrow" }] });
  expect(await claimSome(world, executor, { max_runs: 10 })).toEqual([]);
  await call(world, tenant.api, "save_cap", { request: { cap_id: cap.cap_id, limit_amount: "2" } });
  expect(await claimSome(world, executor, { max_runs: 10 })).toHaveLength(2);
  await call(world, tenant.api, "save_cap", { request: { cap_id: cap.cap_id, enabled: false } });
  expect(await claimSome(world, executor, { max_runs: 1 })).toHaveLength(1);
  await call(world, tenant.api, "save_cap", { request: { cap_id: cap.cap_id, enabled: true } });
  expect(await claimSome(world, executor, { max_runs: 10 })).toEqual([]);
  await call(world, tenant.api, "delete_cap", { cap_id: cap.cap_id });
  expect(await claimSome(world, executor, { max_runs: 10 })).toHaveLength(3);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a run that uses more rows than it reserved is told so by its heartbeat and ends canceled with cap_exceeded; who keeps within goes on", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const cap = await aCap(tenant, "rows", 1000, { unit: "rows" });
  const [greedy, modest] = [await aRun(world, tenant, { caps: [{ key: "rows", amount: 400 }] }), await aRun(world, tenant, { caps: [{ key: "rows", amount: 600 }] })];
  const first = await aClaim(world, executor, { run_id: greedy });
  const second = await aClaim(world, executor, { run_id: modest });
  for (const claim of [first, second]) await call(world, executor, "start_run", claim.lease);
  expect((await call(world, executor, "heartbeat_run", { ...first.lease, usage: { rows: 399 } })).stop_code).toBeNull();
  expect(await call(world, executor, "heartbeat_run", { ...first.lease, usage: { rows: 401 } })).toMatchObject({ cancel_requested: true, stop_code: "cap_exceeded" });
  expect((await call(world, executor, "heartbeat_run", { ...second.lease, usage: { rows: 600 } })).stop_code).toBeNull();
  await call(world, executor, "fail_run", { ...first.lease, error_code: "canceled", error_message: "stopped", permanent: true });
  const { rows } = await world.owner.query("select status, error_code from ops.runs where run_id = $1", [greedy]);
  expect(rows[0]).toEqual({ status: "canceled", error_code: "cap_exceeded" });
  expect((await eventTypes(world, greedy)).filter((type) => type === "RUN_STOPPING")).toHaveLength(1);
  expect(await use(tenant, cap)).toEqual({ used: 401, reserved: 600 });
});

test("a run that goes on after it was told to stop loses its lease, however it beats, and ends so", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aCap(tenant, "rows", 10, { unit: "rows" });
  const run = await aRun(world, tenant, { caps: [{ key: "rows" }] });
  const claim = await aClaim(world, executor, { lease_seconds: 1 });
  await call(world, executor, "heartbeat_run", { ...claim.lease, lease_seconds: 600, usage: { rows: 11 } });
  const { rows } = await world.owner.query("select expires_at - clock_timestamp() < interval '61 seconds' as bounded from ops.leases where run_id = $1", [run]);
  expect(rows[0].bounded).toBe(true);
  await world.owner.query("update ops.leases set stop_at = stop_at - interval '60 seconds' where run_id = $1", [run]);
  await world.owner.query("update ops.leases set expires_at = clock_timestamp() + interval '5 milliseconds' where run_id = $1", [run]);
  await call(world, executor, "heartbeat_run", { ...claim.lease, lease_seconds: 600 }).catch(() => undefined);
  await expireLease(world, run);
  await tick(world);
  expect((await world.owner.query("select status, error_code from ops.runs where run_id = $1", [run])).rows[0]).toEqual({ status: "canceled", error_code: "cap_exceeded" });
});

test("the metrics of phases are metered, seconds by the database's clock; what nobody metered settles as it was reserved", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const [rows, seconds, cost] = [await aCap(tenant, "a", 1e6, { unit: "rows" }), await aCap(tenant, "a", 1e6, { unit: "seconds", period: "hour" }), await aCap(tenant, "b", 100, { unit: "cost", period: "month" })];
  await aRun(world, tenant, { spec_text: specText(["work"]), caps: [{ key: "a", amount: 5 }, { key: "b", amount: 7.5 }] });
  const claim = await aClaim(world, executor);
  await call(world, executor, "start_run", claim.lease);
  await call(world, executor, "set_phase", { ...claim.lease, name: "work", patch: { status: "running" } });
  await call(world, executor, "set_phase", { ...claim.lease, name: "work", patch: { status: "succeeded", metrics: { rows: 12, note: "x" } } });
  await world.owner.query("update ops_private.lease_caps set claimed_at = claimed_at - interval '100 seconds' where run_id = $1 and unit = 'seconds'", [claim.run.run_id]);
  await call(world, executor, "complete_run", claim.lease);
  expect((await use(tenant, rows)).used).toBe(12);
  expect((await use(tenant, seconds)).used).toBeGreaterThanOrEqual(100);
  expect(await use(tenant, cost)).toEqual({ used: 7.5, reserved: 0 });
});

test("no figure that an executor reports stops the sweep: it is cut to what can be added up, and a negative reservation is none", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const cap = await aCap(tenant, "huge", 1e6, { unit: "rows" });
  await aRun(world, tenant, { spec_text: specText(["work"]), caps: [{ key: "huge", amount: -1e20 }], max_attempts: 1 });
  const claim = await aClaim(world, executor);
  expect(await use(tenant, cap)).toEqual({ used: 0, reserved: 0 });
  await call(world, executor, "start_run", claim.lease);
  await call(world, executor, "set_phase", { ...claim.lease, name: "work", patch: { status: "running" } });
  // Straight to the database, as on PostgREST: JSON holds more digits than a JavaScript number.
  await call(world, executor, "set_phase", { ...claim.lease, name: "work", patch: { status: "succeeded", metrics: { rows: 1e40 } } });
  await call(world, executor, "heartbeat_run", { ...claim.lease, usage: { rows: 9e31 } });
  await expireLease(world, claim.run.run_id);
  await tick(world); // told to stop for the cap, it never answered
  expect(await statusOf(world, claim.run.run_id)).toBe("canceled");
  expect(await use(tenant, cap)).toEqual({ used: 1e18, reserved: 0 });
});

test("a lease that dies settles too, and a release gives back a run's count as it gives back the attempt", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const cap = await aCap(tenant, "k", 10);
  const run = await aRun(world, tenant, { caps: [{ key: "k" }] });
  await call(world, executor, "release_run", (await aClaim(world, executor)).lease);
  expect(await use(tenant, cap)).toEqual({ used: 0, reserved: 0 });
  await aClaim(world, executor);
  await expireLease(world, run);
  await tick(world);
  expect(await use(tenant, cap)).toEqual({ used: 1, reserved: 0 });
});

test("a run that asks for more than the whole cap goes when all of it is free, and holds back those behind it until then", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aCap(tenant, "rows", 100, { unit: "rows" });
  await aRun(world, tenant, { caps: [{ key: "rows", amount: 60 }], priority: 1 });
  const first = await aClaim(world, executor);
  const huge = await aRun(world, tenant, { caps: [{ key: "rows", amount: 500 }], priority: 2 });
  expect(await claimSome(world, executor)).toEqual([]);
  await call(world, executor, "release_run", first.lease);
  const order = [await aClaim(world, executor)];
  expect(order[0]?.run.run_id).toBe(first.run.run_id);
  await call(world, executor, "fail_run", { ...order[0]!.lease, error_code: "x", error_message: "x", permanent: true });
  await world.owner.query("delete from ops.cap_usage where environment_id = $1", [tenant.environment_id]);
  await tick(world);
  expect((await aClaim(world, executor)).run.run_id).toBe(huge);
});

test("cap_allow answers use and limit; for the holder of a lease a yes reserves, and only while there is room", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  await aCap(tenant, "bytes", 100, { unit: "bytes" });
  await aRun(world, tenant);
  const claim = await aClaim(world, executor);
  expect(await call(world, tenant.api, "cap_allow", { cap_key: "bytes", amount: 100, environment_id: tenant.environment_id })).toMatchObject({ allowed: true, used: "0", reserved: "0", limit: "100", unit: "bytes" });
  const asked = await Promise.all(Array.from({ length: 20 }, () => call(world, executor, "cap_allow", { cap_key: "bytes", amount: 30, ...claim.lease })));
  expect(asked.filter((answer) => answer.allowed)).toHaveLength(3);
  expect(await call(world, tenant.api, "cap_allow", { cap_key: "bytes", amount: 11, environment_id: tenant.environment_id })).toMatchObject({ allowed: false, reserved: "90" });
  const unheard = { cap_key: "unheard_of", amount: 1e12 };
  expect((await call(world, tenant.api, "cap_allow", { ...unheard, environment_id: tenant.environment_id })).allowed).toBe(true);
  expect((await call(world, executor, "cap_allow", { ...unheard, ...claim.lease })).allowed).toBe(true);
  expect((await world.owner.query("select from ops_private.gates where key = 'unheard_of'")).rowCount, "asking makes no gate").toBe(0);
  await finish(world, executor, claim);
  expect((await call(world, tenant.api, "cap_allow", { cap_key: "bytes", environment_id: tenant.environment_id })).used).toBe("90");
});

test("only admins change caps, operators and executors ask, and nobody sees those of another tenant", async () => {
  const [tenant, other] = [await aTenant(world), await aTenant(world)];
  const cap = await aCap(tenant, "k", 5);
  const operator = await anApiToken(world, tenant.project_id, "operator");
  const viewer = await anApiToken(world, tenant.project_id, "viewer");
  expect((await refusal(call(world, operator, "save_cap", { request: { cap_id: cap.cap_id, limit_amount: "9" } }))).code).toBe("forbidden");
  expect((await refusal(call(world, operator, "delete_cap", { cap_id: cap.cap_id }))).code).toBe("forbidden");
  expect((await call(world, operator, "cap_allow", { cap_key: "k", environment_id: tenant.environment_id })).allowed).toBe(true);
  expect((await refusal(call(world, viewer, "cap_allow", { cap_key: "k", environment_id: tenant.environment_id }))).code).toBe("forbidden");
  expect((await call(world, viewer, "list_caps", {})).map((each) => each.cap_id)).toEqual([cap.cap_id]);
  for (const [name, args] of [["get_cap", { cap_id: cap.cap_id }], ["delete_cap", { cap_id: cap.cap_id }], ["list_caps", { environment_id: tenant.environment_id }]] as const) {
    expect((await refusal(call(world, other.api, name, args as never))).code, name).toBe("not_found");
  }
  expect(await call(world, other.api, "list_caps", {})).toEqual([]);
  expect((await refusal(aCap(tenant, "k", 5))).code).toBe("conflict");
  expect((await refusal(aCap(tenant, "z", 5, { time_zone: "Mars/Olympus" }))).code).toBe("invalid_input");
  expect((await refusal(aRun(world, tenant, { caps: ["a", "b", "c", "d", "e"].map((key) => ({ key })) }))).code).toBe("invalid_input");
});

test("windows follow the zone's calendar: each moment lies in its own, and they leave no gap", async () => {
  await fc.assert(fc.asyncProperty(
    fc.constantFrom("hour", "day", "week", "month"), fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"), fc.date({ min: new Date("2025-01-01"), max: new Date("2027-12-31"), noInvalidDate: true }),
    async (period, zone, moment) => {
      const { rows: [window] } = await world.owner.query(
        "select w.starts_at <= $3 and $3 < w.ends_at as inside, n.starts_at = w.ends_at as next from ops_private.window_of($1, $2, $3) as w, ops_private.window_of($1, $2, w.ends_at) as n", [period, zone, moment]);
      expect(window).toEqual({ inside: true, next: true });
    }), { numRuns: 300 });
});

test("a canceled run that had a reservation gives it back with its end", async () => {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const cap = await aCap(tenant, "rows", 100, { unit: "rows" });
  const run = await aRun(world, tenant, { caps: [{ key: "rows", amount: 80 }] });
  const claim = await aClaim(world, executor);
  await call(world, tenant.api, "cancel_run", { run_id: run });
  expect((await call(world, executor, "heartbeat_run", { ...claim.lease, usage: { rows: 3 } })).stop_code).toBe("canceled");
  await call(world, executor, "complete_run", claim.lease);
  expect(await statusOf(world, run)).toBe("canceled");
  expect((await use(tenant, cap)).reserved).toBe(0);
});
