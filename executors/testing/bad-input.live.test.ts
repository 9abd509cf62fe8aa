import { createHash, randomUUID } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import type { Claim } from "../../contracts/claim.ts";
import type { CreateRunRequest, Run } from "../../contracts/run.ts";
import { request } from "../cli/connection.ts";
import { anExecutor, aQueue, aTenant, aToken, ended, eventsOf, openLive, phasesOf, raw, type Live, type Tenant, type TestExecutor } from "./live.ts";
import { idleSpec, ingestSpec, tableSpec } from "./specs.ts";
import { lakeOf, startWorker, type WorkerProcess } from "./worker-process.ts";

let live: Live;
let tenant: Tenant;
let executor: TestExecutor;
let worker: WorkerProcess | undefined;
const queue = aQueue();

beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
  executor = await anExecutor(live, tenant);
});
afterEach(async () => {
  await worker?.kill();
  worker = undefined;
});
afterAll(() => live.close());

function post(path: string, body: unknown, token = tenant.api.token, headers: Record<string, string> = {}) {
  return raw(`${live.stack.api_url}${path}`, {
    method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers }, body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
function createRun(body: CreateRunRequest): Promise<Run> {
  return request(tenant.api, "create_run", { body: { queue, max_attempts: 1, ...body } });
}
async function claimed(spec = idleSpec()): Promise<{ claim: Claim; lease: { run_id: string; lease_token: string } }> {
  const run = await createRun({ spec, queue: aQueue() });
  const claim = (await executor.plane.claim({ run_id: run.run_id, queues: [run.queue], lease_seconds: 60 })).items[0];
  if (claim === undefined) throw new Error("the run was not claimed");
  return { claim, lease: { run_id: run.run_id, lease_token: claim.lease_token } };
}

/** The run has failed with this code, and left no artifact, no dataset and no commit; its last event says why. */
async function expectCleanFailure(run: Run, code: string, lake = lakeOf(live)): Promise<void> {
  expect(run, worker?.log()).toMatchObject({ status: "failed", error_code: code, attempt: 1 });
  const events = await eventsOf(tenant.api, run.run_id);
  expect(events.at(-1)).toMatchObject({ type: "RUN_FAILED", level: "error" });
  for (const phase of await phasesOf(tenant.api, run.run_id)) expect(["failed", "skipped"], phase.name).toContain(phase.status);
  // The log of a run is kept, whatever became of it.
  expect(await live.sql("select name from ops.run_artifacts where run_id = $1 and kind <> 'log'", [run.run_id])).toEqual([]);
  expect(await live.sql("select version from ops.dataset_versions where run_id = $1", [run.run_id])).toEqual([]);
  expect(commitsBelow(join(fileURLToPath(lake), tenant.environment_id))).toEqual([]);
}
function commitsBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /_delta_log.*\.json$/.test(name));
}

const badSpecs: Record<string, { text: string; place: Record<string, unknown> }> = {
  "wrong YAML": { text: "version: 1\nname: broken\nphases:\n  - name: a\n   type: query\n", place: { line: expect.any(Number), column: expect.any(Number) } },
  "an unknown phase type": { text: "version: 1\nname: broken\nphases:\n  - name: a\n    type: teleport\n    config: {}\n", place: { path: "/phases/0/type", line: 5 } },
  "a cycle": {
    text: "version: 1\nname: broken\nphases:\n  - { name: a, type: query, depends_on: [b], config: { sql: select 1 } }\n  - { name: b, type: query, depends_on: [a], config: { sql: select 1 } }\n",
    place: { path: expect.stringMatching(/^\/phases\/\d\/depends_on/), code: "cycle", line: 4, message: expect.stringContaining("a → b → a") },
  },
};
for (const [what, { text, place }] of Object.entries(badSpecs)) {
  test(`${what} is refused with its line before anything is stored`, async () => {
    const checked = await post("/templates/validate", { text });
    expect(checked).toMatchObject({ status: 200, body: { valid: false, spec_sha256: null, errors: expect.arrayContaining([expect.objectContaining(place)]) } });
    const saved = await post("/templates", { text });
    expect(saved).toMatchObject({ status: 422, body: { code: "invalid_spec", errors: expect.arrayContaining([expect.objectContaining(place)]), detail: expect.stringMatching(/\w/) } });
    expect(await live.sql("select template_key from ops.job_templates where project_id = $1", [tenant.project_id])).toEqual([]);
    if (what === "wrong YAML") return;
    const spec: unknown = { version: 1, name: "broken", phases: what === "a cycle" ? [{ name: "a", type: "query", depends_on: ["a"], config: { sql: "select 1" } }] : [{ name: "a", type: "teleport", config: {} }] };
    expect(await post("/runs", { spec })).toMatchObject({ status: 422, body: { code: "invalid_spec" } });
    expect(await live.sql("select run_id from ops.runs where spec_slug = 'broken' and project_id = $1", [tenant.project_id])).toEqual([]);
  });
}

test("a phase type that only a newer control room knows fails the run, and the executor lives on", async () => {
  const spec_text = canonicalJson({ version: 1, name: "from_the_future", phases: [{ name: "a", type: "teleport", depends_on: [], config: {} }] });
  const created = await raw(`${live.stack.supabase_url}/rest/v1/rpc/create_run`, {
    method: "POST", headers: { apikey: live.stack.publishable_key, "x-control-room-token": tenant.api.token, "content-type": "application/json", "content-profile": "ops" },
    body: JSON.stringify({ request: { environment_id: tenant.environment_id, spec_text, parameters: {}, priority: 1, queue, labels: [], max_attempts: 1, trigger: "api" } }),
  });
  expect(created.status, created.text).toBe(200);
  worker = startWorker(live, { token: executor.token, queue });
  const run = await ended(tenant.api, (created.body as { run: Run }).run.run_id);
  expect(run).toMatchObject({ status: "failed", error_code: "unknown_phase_type", error_message: expect.stringContaining("teleport") });
  const after = await createRun({ spec: idleSpec() });
  expect(await ended(tenant.api, after.run_id)).toMatchObject({ status: "succeeded" });
});

test("SQL that fails, at once or in the middle of the rows, fails the run with table, line and reason", async () => {
  worker = startWorker(live, { token: executor.token, queue });
  const wrong = await createRun({ spec: tableSpec("silver.wrong", "select 1 as id,\n  no_such_column\nfrom range(3)") });
  const late = await createRun({ spec: tableSpec("silver.late", "select range as id, case when range = 2000000 then error('row ' || chr(0) || 'is bad') else 'ok' end as note from range(3000000)") });
  const first = await ended(tenant.api, wrong.run_id);
  await expectCleanFailure(first, "sql_error");
  expect(first.error_message).toMatch(/compute.*no_such_column.*silver\.wrong.*line 2/s);
  await expectCleanFailure(await ended(tenant.api, late.run_id), "sql_error");
  expect((await phasesOf(tenant.api, wrong.run_id)).map(({ name, status, error_code }) => ({ name, status, error_code }))).toEqual([
    { name: "compute", status: "failed", error_code: "sql_error" }, { name: "check", status: "skipped", error_code: "upstream_failed" }, { name: "publish", status: "skipped", error_code: "upstream_failed" },
  ]);
});

test("rows that break a rule or a key that is not unique publish nothing", async () => {
  worker = startWorker(live, { token: executor.token, queue });
  const empty = await createRun({ spec: tableSpec("silver.empty", "select 1 as id where false") });
  const twice = await createRun({ spec: tableSpec("silver.twice", "select 1 as id from range(2)") });
  const run = await ended(tenant.api, empty.run_id);
  expect(run).toMatchObject({ status: "failed", error_code: "quality_failed", error_message: expect.stringContaining("silver.empty") });
  expect(await live.sql("select version from ops.dataset_versions where run_id = $1", [run.run_id])).toEqual([]);
  expect(commitsBelow(join(fileURLToPath(lakeOf(live)), tenant.environment_id))).toEqual([]);
  await expectCleanFailure(await ended(tenant.api, twice.run_id), "key_not_unique");
});

test("a source that is down, a wrong password, a missing connection and a missing table each have their own code, and no secret gets out", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve)); // nothing listens there now
  const source = new URL(live.stack.database_url);
  source.pathname = "/odoo_demo";
  const wrong = new URL(source);
  wrong.username = "odoo_reader";
  wrong.password = "not-the-password-7f3a";
  worker = startWorker(live, {
    token: executor.token, queue,
    env: { CONTROL_ROOM_CONNECTION_DOWN: `postgres://reader:secret-9c1d@127.0.0.1:${port}/odoo`, CONTROL_ROOM_CONNECTION_WRONG: wrong.href, CONTROL_ROOM_CONNECTION_ODOO: source.href, EXECUTOR_SLOTS: "4" },
  });
  const cases: [string, string, string][] = [["down", "res_company", "source_unreachable"], ["wrong", "res_company", "source_auth_failed"], ["nowhere", "res_company", "connection_missing"], ["odoo", "no_such_table", "source_table_missing"]];
  await Promise.all(cases.map(async ([connection, table, code]) => {
    const { run_id } = await createRun({ spec: ingestSpec(connection, table) });
    const run = await ended(tenant.api, run_id);
    await expectCleanFailure(run, code);
    const told = JSON.stringify([run, await eventsOf(tenant.api, run_id), await phasesOf(tenant.api, run_id)]) + (worker?.log() ?? "");
    expect(told).not.toMatch(/secret-9c1d|not-the-password-7f3a/);
    expect(run.error_message, code).toContain({ down: `127.0.0.1:${port}`, wrong: "odoo_reader", nowhere: "CONTROL_ROOM_CONNECTION_NOWHERE", odoo: "no_such_table" }[connection]);
  }));
});

test("an expired token is refused everywhere with the same code, and an executor that has one ends with a reason", async () => {
  const expired = await aToken(live, tenant.project_id, "admin", -1);
  expect(await raw(`${live.stack.api_url}/runs`, { headers: { authorization: `Bearer ${expired}` } })).toMatchObject({ status: 401, body: { code: "token_invalid" } });
  const rest = await raw(`${live.stack.supabase_url}/rest/v1/runs?select=run_id`, { headers: { apikey: live.stack.publishable_key, "x-control-room-token": expired, "accept-profile": "ops" } });
  expect(rest.status, rest.text).toBe(401);
  expect(rest.text).toContain("token_invalid");
  worker = startWorker(live, { token: (await anExecutor(live, tenant, -1)).token, queue });
  expect(await worker.exited).toEqual({ code: 4, signal: null });
  expect(worker.log()).toContain('"code":"token_invalid"');
});

test("NUL bytes and lone surrogates are refused with their place, at both doors, and change nothing", async () => {
  for (const bad of ["a\\u0000b", "a\\ud800b"]) {
    const answer = await post("/runs", `{"spec":${JSON.stringify(idleSpec())},"parameters":{"note":"${bad}"}}`);
    expect(answer, bad).toMatchObject({ status: 400, body: { code: "invalid_text", errors: [expect.objectContaining({ path: "/parameters/note" })] } });
    expect(await post("/templates/validate", `{"text":"version: 1 # ${bad}"}`), bad).toMatchObject({ status: 400, body: { code: "invalid_text" } });
  }
  const { lease } = await claimed();
  await executor.plane.start(lease);
  const before = await eventsOf(tenant.api, lease.run_id);
  for (const bad of ["a\\u0000b", "a\\ud800b"]) {
    const event = `{"event_id":"${randomUUID()}","type":"NOTE","message":"${bad}","data":{}}`;
    expect(await post(`/runs/${lease.run_id}/events`, `{"events":[${event}]}`, executor.token, { "lease-token": lease.lease_token }), bad).toMatchObject({ status: 400, body: { code: "invalid_text" } });
    const rest = await raw(`${live.stack.supabase_url}/rest/v1/rpc/append_events`, {
      method: "POST", headers: { apikey: live.stack.publishable_key, "x-control-room-token": executor.token, "content-type": "application/json", "content-profile": "ops" },
      body: `{"run_id":"${lease.run_id}","lease_token":"${lease.lease_token}","events":[${event}]}`,
    });
    expect(rest.status, rest.text).toBe(400);
  }
  expect(await eventsOf(tenant.api, lease.run_id)).toEqual(before);
  await executor.plane.fail(lease, { error_code: "enough", error_message: "the test is over", permanent: true });
});

test("an event of 10 MB is refused as too large, and the run goes on", async () => {
  const { lease } = await claimed();
  await executor.plane.start(lease);
  const before = await eventsOf(tenant.api, lease.run_id);
  const big = (bytes: number) => ({ events: [{ event_id: randomUUID(), type: "NOTE", message: "big", data: { text: "x".repeat(bytes) } }] });
  const send = (bytes: number) => post(`/runs/${lease.run_id}/events`, big(bytes), executor.token, { "lease-token": lease.lease_token });
  expect(await send(10_000_000)).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
  expect(await send(100_000)).toMatchObject({ status: 400, body: { code: "invalid_input", errors: [expect.objectContaining({ path: "/events/0/data", message: expect.stringContaining("65536") })] } });
  const rest = await raw(`${live.stack.supabase_url}/rest/v1/rpc/append_events`, {
    method: "POST", headers: { apikey: live.stack.publishable_key, "x-control-room-token": executor.token, "content-type": "application/json", "content-profile": "ops" },
    body: JSON.stringify({ ...lease, ...big(10_000_000) }),
  });
  expect(rest.status, rest.text.slice(0, 300)).toBeGreaterThanOrEqual(400);
  expect(await eventsOf(tenant.api, lease.run_id)).toEqual(before);
  await executor.plane.appendEvents(lease, [{ event_id: randomUUID(), type: "NOTE", message: "small" }]);
  await executor.plane.setPhase(lease, "only", { status: "running" });
  await executor.plane.setPhase(lease, "only", { status: "succeeded" });
  expect(await executor.plane.complete(lease, {})).toMatchObject({ status: "succeeded" });
});

test("bytes that do not have the hash they are sent under are not stored and cannot be registered", async () => {
  const { lease } = await claimed();
  await executor.plane.start(lease);
  const sha256 = createHash("sha256").update(randomUUID()).digest("hex");
  const put = await raw(`${live.stack.api_url}/objects/${sha256}?environment_id=${tenant.environment_id}`, {
    method: "PUT", headers: { authorization: `Bearer ${executor.token}`, "content-type": "application/octet-stream" }, body: "other bytes",
  });
  expect(put).toMatchObject({ status: 422, body: { code: "hash_mismatch" } });
  expect(await live.sql("select sha256 from ops.objects where sha256 = $1", [sha256])).toEqual([]);
  expect(readdirSync(join(live.stack.data_dir, "storage"), { recursive: true, encoding: "utf8" }).filter((name) => name.includes(sha256))).toEqual([]);
  await expect(executor.plane.registerArtifact(lease, { name: "x.txt", kind: "report", content_type: "text/plain", byte_size: 11, sha256 })).rejects.toMatchObject({ code: "object_missing" });
  expect(await live.sql("select name from ops.run_artifacts where run_id = $1", [lease.run_id])).toEqual([]);
  await executor.plane.fail(lease, { error_code: "hash_mismatch", error_message: "the bytes changed on the way", permanent: true });
  expect(await ended(tenant.api, lease.run_id)).toMatchObject({ status: "failed", error_code: "hash_mismatch" });
});

const disk = mkdtempSync(join(tmpdir(), "control-room-small-disk-"));
const mounted = process.platform === "linux" && spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]).status === 0;
afterAll(() => {
  if (mounted) spawnSync("umount", [disk]);
  rmSync(disk, { recursive: true, force: true });
});
// A small file system can only be mounted by root.
test.skipIf(!mounted)("a full disk fails the run with storage_full, under the scratch folder and under the lake, and leaves nothing half written", async () => {
  // Not compressible: 8 MB on a disk of 3.
  const spec = tableSpec("silver.large", "select range as id, md5(range::varchar) || md5((range + 1)::varchar) as noise from range(120000)");
  worker = startWorker(live, { token: executor.token, queue, env: { CONTROL_ROOM_SCRATCH: disk } });
  const scratchFull = await ended(tenant.api, (await createRun({ spec })).run_id);
  await expectCleanFailure(scratchFull, "storage_full");
  await worker.kill();

  const lake = `${pathToFileURL(disk).href}/lake`;
  worker = startWorker(live, { token: executor.token, queue, env: { CONTROL_ROOM_LAKE: lake } });
  const lakeFull = await ended(tenant.api, (await createRun({ spec })).run_id);
  await expectCleanFailure(lakeFull, "storage_full", lake);
  const left = readdirSync(join(disk, "lake"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".parquet") || /\.unfinished\/./.test(name));
  expect(left, "no half written file").toEqual([]);
  // With room again the very same worker goes on.
  rmSync(join(disk, "lake"), { recursive: true, force: true });
  expect(await ended(tenant.api, (await createRun({ spec: tableSpec("silver.small", "select 1 as id") })).run_id)).toMatchObject({ status: "succeeded" });
});

test("a port in use is named with its remedy, before anything is started", async () => {
  const { port } = new URL(live.stack.app_url);
  const folder = mkdtempSync(join(tmpdir(), "control-room-port-"));
  const started = spawnSync(process.execPath, [fileURLToPath(new URL("../../dist/stack.mjs", import.meta.url))], {
    env: { PATH: process.env["PATH"] ?? "", CONTROL_ROOM_DATA_DIR: folder, PORT: port }, encoding: "utf8", timeout: 30_000,
  });
  expect(started.status).toBe(1);
  expect(started.stderr).toMatch(new RegExp(`Port ${port} .*in use.*\\(?port_in_use`, "s"));
  expect(started.stderr).toContain("set PORT to another number");
  expect(existsSync(join(folder, "pgdata"))).toBe(false);
  rmSync(folder, { recursive: true, force: true });
});
