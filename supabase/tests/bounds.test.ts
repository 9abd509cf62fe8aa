import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromDatabase, type DatabaseError } from "../../lib/ops/database-error.ts";
import { aClaim, anExecutor, aRequest, aRun, aTenant, call, openWorld, specText, type Tenant, type World } from "./world.ts";

// What the contract bounds at /api/v1 is bounded in SQL too: executors and programs call PostgREST directly.
let world: World;
let tenant: Tenant;
let executor: { token: string };
beforeAll(async () => {
  world = await openWorld(4);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

/** The code of the contract that the web app makes of a refusal. */
const codeOf = (attempt: Promise<unknown>): Promise<string> => attempt.then(() => "nothing was refused", (error: unknown) => fromDatabase(error as DatabaseError, 400).code);
const long = (bytes: number): string => "x".repeat(bytes);

test.each<[string, Parameters<typeof aRequest>[1]]>([
  ["a queue that is no word", { queue: "Not a queue" }],
  ["a queue of a thousand characters", { queue: long(1000) }],
  ["a label that is no word", { labels: ["GPU"] }],
  ["more than 40 labels", { labels: Array.from({ length: 41 }, (_, n) => `l${n}`) }],
  ["a cap key that is no word", { caps: [{ key: "any text" }] }],
  ["a cap key of a thousand characters", { caps: [{ key: long(1000) }] }],
  ["a concurrency key of a thousand characters", { concurrency_key: long(1000) }],
  ["a start that never comes", { run_after: "infinity" }],
  ["an end that never comes", { expires_at: "-infinity" }],
])("a run is refused with %s, alone and in a batch, where the others are queued", async (_name, wrong) => {
  const before = (await world.owner.query("select (select count(*) from ops_private.lanes) as lanes, (select count(*) from ops_private.gates) as gates")).rows;
  expect(await codeOf(call(world, tenant.api, "create_run", aRequest(tenant, wrong)))).toBe("invalid_input");
  const { items } = await call(world, tenant.api, "create_runs", { requests: [aRequest(tenant, wrong).request, aRequest(tenant).request] });
  expect(items).toMatchObject([{ ok: false, error: { code: "invalid_input" } }, { ok: true, created: true }]);
  const { rows } = await world.owner.query("select (select count(*) from ops_private.lanes) as lanes, (select count(*) from ops_private.gates) as gates");
  expect(Number(rows[0].gates)).toBe(Number(before[0].gates));
  expect(Number(rows[0].lanes) - Number(before[0].lanes)).toBeLessThanOrEqual(1);
});

test("what the holder of a lease sends has a size beyond which it is refused, and the run goes on", async () => {
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant, { spec_text: specText(["work"]) }) });
  await call(world, executor, "start_run", lease);
  const patch = (more: object) => call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "running", ...more } });
  await patch({});
  const result = { dataset: "gold.a", check: "unique", label: "a", severity: "warn", verdict: "pass", wrong: 0, seen: 1 } as const;
  const attacks: [code: string, send: () => Promise<unknown>][] = [
    ["invalid_input", () => patch({ metrics: { a: long(300_000) } })],
    ["invalid_input", () => patch({ checkpoint: { a: long(2_500_000) } })],
    ["payload_too_large", () => call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "failed", message: long(40_000) } })],
    ["payload_too_large", () => call(world, executor, "pin_inputs", { ...lease, sources: { a: long(1_200_000) } })],
    ["payload_too_large", () => call(world, executor, "pin_inputs", { ...lease, datasets: Array.from({ length: 2001 }, (_, n) => `gold.t${n}`) })],
    ["payload_too_large", () => call(world, executor, "record_quality", { ...lease, phase: "work", results: [{ ...result, facts: { a: long(5_000_000) } }] })],
    ["invalid_input", () => call(world, executor, "append_events", { ...lease, events: [{ event_id: randomUUID(), type: "NOTE", phase: long(64) }] })],
    ["invalid_input", () => call(world, executor, "heartbeat_run", { ...lease, phase: long(64) })],
    ["payload_too_large", () => call(world, tenant.api, "create_run", aRequest(tenant, { parameters: { a: long(17_000_000) } }))],
    ["invalid_input", () => call(world, executor, "claim_runs", { labels: [long(20_000)] })],
    ["invalid_input", () => call(world, executor, "claim_runs", { queues: Array.from({ length: 1000 }, (_, n) => `queue_number_${n}`) })],
    ["invalid_input", () => call(world, tenant.api, "save_cap", { request: { environment_id: tenant.environment_id, cap_key: "any text", unit: "runs", period: "day", limit_amount: "1" } })],
  ];
  for (const [code, send] of attacks) expect(await codeOf(send()), String(send)).toBe(code);
  // Not step by step either.
  const steps = await Promise.all(Array.from({ length: 8 }, async (_, n) => codeOf(patch({ metrics: { [`step_${n}`]: long(60_000) } }))));
  expect(steps.filter((code) => code === "invalid_input").length).toBeGreaterThanOrEqual(4);
  await call(world, executor, "release_run", { ...lease, reason: long(10_000) });
  expect((await world.owner.query("select length(message) as n from ops.run_events where run_id = $1 and type = 'RUN_RELEASED'", [lease.run_id])).rows).toEqual([{ n: 500 }]);
});

test("a failure is told whatever is said of it, and what is too long by its hash", async () => {
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant) });
  await call(world, executor, "fail_run", { ...lease, error_code: "sql_error", error_message: "no", error_data: { a: long(70_000) }, permanent: true });
  expect((await world.owner.query("select data from ops.run_events where run_id = $1 and type = 'RUN_FAILED'", [lease.run_id])).rows).toEqual([{ data: { error_code: "sql_error", truncated: true, byte_size: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } }]);
});

test("a schedule begins and ends at moments", async () => {
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "bounded") });
  const schedule = { environment_id: tenant.environment_id, name: "n", template_key: "bounded", cron: "0 2 * * *" };
  for (const wrong of [{ start_at: "-infinity" }, { end_at: "infinity" }]) expect(await codeOf(call(world, tenant.api, "create_schedule", { schedule: { ...schedule, ...wrong } }))).toBe("invalid_input");
});

test("a batch of reports holds nothing that is refused alone", async () => {
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant, { spec_text: specText(["work"]) }) });
  const writes = [{ type: "start" }, { type: "phase", name: "work", patch: { status: "running", metrics: { a: long(300_000) } } }] as never;
  expect((await call(world, executor, "report_runs", { reports: [{ ...lease, writes }] })).items).toMatchObject([{ ok: false, error: { code: "invalid_input" } }]);
});

test("empty log chunks come to an end too", async () => {
  await world.owner.query("select ops_private.put_setting('log_limit_bytes', '5000')");
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant, { spec_text: specText(["work"]) }) });
  const chunks = Array.from({ length: 60 }, () => ({ chunk_id: randomUUID(), stream: "stdout" as const, text: "" }));
  const { last_line, dropped_lines } = await call(world, executor, "append_logs", { ...lease, chunks });
  expect({ last_line, dropped_lines }).toEqual({ last_line: 51, dropped_lines: "10" });
  const rows = async () => (await world.owner.query("select from ops.run_log_chunks where run_id = $1", [lease.run_id])).rowCount;
  const before = await rows();
  const more = chunks.map((chunk) => ({ ...chunk, chunk_id: randomUUID(), text: "\n".repeat(10_001) }));
  expect((await call(world, executor, "append_logs", { ...lease, chunks: more })).dropped_lines).toBe(String(10 + 60 * 10_001));
  expect(await rows()).toBe(before);
  await world.owner.query("delete from ops_private.settings where key = 'log_limit_bytes'");
});
