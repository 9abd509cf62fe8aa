import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Role } from "../../contracts/role.ts";
import { roles } from "../../contracts/words.ts";
import { errorCatalogue, problem, type ErrorCode } from "../../contracts/error.ts";
import { runEvent } from "../../contracts/event.ts";
import { operations, type Operation, type OperationName } from "../../contracts/http.ts";
import { problemCodes } from "../../contracts/json-schema.ts";
import { operationUrl } from "../cli/connection.ts";
import { parseEventStream } from "../cli/event-stream.ts";
import { type Call, nobody } from "./contract-calls.ts";
import { identity } from "./contract-identity.ts";
import { alerts } from "./contract-alerts.ts";
import { planning } from "./contract-planning.ts";
import { registry } from "./contract-registry.ts";
import { secrets } from "./contract-secrets.ts";
import { anExecutor, aQueue, aTenant, aToken, eventsOf, openLive, raw, type Live, type Tenant, type TestExecutor } from "./live.ts";
import { floorOf, isRefusal, rolesBelow } from "../../supabase/tests/route-floors.ts";
import { aUser, signIn } from "./session.ts";
import { idleSpec } from "./specs.ts";

let live: Live;
let tenant: Tenant;
let executor: TestExecutor;
let cronSecret: string;
/** A token of the project for each role, and a person who views it. */
let tokens: Record<Role, string>;
let viewer: string;
let stranger: { tenant: Tenant; executor: TestExecutor };
const covered = new Set<string>();

beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
  executor = await anExecutor(live, tenant);
  tokens = Object.fromEntries(await Promise.all(roles.map(async (role) => [role, role === "admin" ? tenant.api.token : await aToken(live, tenant.project_id, role)]))) as Record<Role, string>;
  const person = await signIn(live, await aUser(live, `${randomUUID()}@example.test`));
  await live.sql("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'viewer')", [person.user_id, tenant.organization_id, tenant.project_id]);
  viewer = person.access_token;
  const other = await aTenant(live);
  stranger = { tenant: other, executor: await anExecutor(live, other) };
  cronSecret = z.object({ cron_secret: z.string() }).parse(JSON.parse(readFileSync(join(live.stack.data_dir, "secrets.json"), "utf8"))).cron_secret;
});
afterAll(() => live.close());

async function send(name: OperationName, call: Call = {}) {
  const operation: Operation = operations[name];
  const floor = floorOf(name);
  // The weakest that may: what is allowed is allowed to them.
  const usual = operation.access === "executor" || operation.access === "lease" ? executor.token : operation.access === "scheduler" ? cronSecret : tokens[(typeof floor === "object" ? floor.least : undefined) ?? "admin"];
  const token = call.token === undefined ? usual : call.token;
  return raw(operationUrl({ url: live.stack.app_url, token: "" }, name, { params: call.params ?? {}, query: call.query ?? {} }), {
    method: operation.method,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(operation.body?.kind === "json" ? { "content-type": "application/json" } : {}), ...call.headers },
    ...(operation.body === undefined ? {} : { body: call.bytes ?? (typeof call.body === "string" ? call.body : JSON.stringify(call.body ?? {})) }),
  });
}

/** The same call by everybody below the operation's floor, by another organization and by nobody: refused, and it leaves no trace in the audit log. */
async function refusedBelowTheFloor(name: OperationName, call: Call): Promise<void> {
  const floor = floorOf(name);
  if (floor === "public") return;
  const request_id = `refused-${name}-${randomUUID()}`;
  const as = async (who: string, token: string | null) => ({ who, answer: await send(name, { ...call, token, headers: { ...call.headers, "x-request-id": request_id } }) });
  const below: [who: string, token: string][] = floor === "own" ? [] : rolesBelow(floor).map((role) => [role, tokens[role]]);
  if (floor !== "own" && floor.least !== "viewer") below.push(["person who views", viewer]);
  if (floor !== "own" && !floor.also?.includes("executor")) below.push(["executor", executor.token]);
  const strangers: [who: string, token: string][] = floor === "own" ? [] : [["stranger", stranger.tenant.api.token], ["stranger's executor", stranger.executor.token]];
  const [nobodys, refused, foreign] = await Promise.all([as("nobody", null), Promise.all(below.map((each) => as(...each))), Promise.all(strangers.map((each) => as(...each)))]);
  expect(nobodys.answer.status, `${name} by nobody`).toBe(401);
  for (const { who, answer } of refused) expect(floor !== "own" && isRefusal(answer, floor), `${name} by ${who}: ${answer.status} ${answer.text.slice(0, 300)}`).toBe(true);
  // What names nothing of ours is done in the stranger's own place.
  const ours = [tenant.environment_id, tenant.project_id, tenant.organization_id, tenant.project];
  for (const { who, answer } of foreign) expect(answer.status < 500 && !ours.some((id) => answer.text.includes(id)), `${name} by ${who}: ${answer.status} ${answer.text.slice(0, 300)}`).toBe(true);
  expect(await live.sql("select action, actor_name from ops.audit_log where organization_id = $1 and request_id = $2", [tenant.organization_id, request_id]), `${name} by those who may not`).toEqual([]);
}

/** Calls as the contract says; the answer must be one that it names, of the shape that it gives. The first of each operation proves its floor. */
async function well(name: OperationName, call: Call, status: number): Promise<unknown> {
  if (!covered.has(name)) await refusedBelowTheFloor(name, call);
  const answer = await send(name, call);
  expect(answer.status, `${name}: ${answer.text.slice(0, 500)}`).toBe(status);
  const schema = (operations[name] as Operation).answers[status];
  expect(schema, `${name} documents ${status}`).toBeDefined();
  expect(answer.headers.get("x-request-id"), name).toMatch(/\S/);
  covered.add(name);
  if (schema === "empty") expect(answer.text, name).toBe("");
  if (typeof schema !== "object") return answer.body ?? answer.text;
  const parsed = schema.safeParse(answer.body);
  expect(parsed.error?.issues ?? [], `${name} answers ${answer.text.slice(0, 500)}`).toEqual([]);
  return parsed.data;
}

/** Calls against the contract; the answer must be a problem with a code that the operation documents. */
async function badly(name: OperationName, code: ErrorCode, call: Call): Promise<void> {
  const answer = await send(name, call);
  expectProblem(answer, code, name);
  expect([...problemCodes(operations[name] as Operation)], `${name} documents ${code}`).toContain(code);
  covered.add(`${name} badly`);
}
function expectProblem(answer: { status: number; headers: Headers; body: unknown; text: string }, code: ErrorCode, where: string): void {
  expect(answer.headers.get("content-type"), `${where}: ${answer.status} ${answer.text.slice(0, 300)}`).toContain("application/problem+json");
  const parsed = problem.parse(answer.body);
  expect({ code: parsed.code, status: answer.status, said: parsed.status }, `${where}: ${answer.text.slice(0, 500)}`).toEqual({ code, status: errorCatalogue[code].status, said: errorCatalogue[code].status });
  expect(answer.headers.get("x-request-id"), where).toBe(parsed.request_id);
  expect(parsed.detail.length, where).toBeGreaterThan(10);
}

test("every operation answers as the contract says, called well and called badly, at its floor, and refuses everybody below it", async () => {
  await well("get_health", { token: null }, 200);
  await well("get_openapi", { token: null }, 200);
  await well("get_tick", {}, 200);
  await badly("get_tick", "token_invalid", { token: "wrong" });
  await well("post_tick", {}, 200);
  await badly("post_tick", "unauthenticated", { token: null });
  await well("whoami", {}, 200);
  await badly("whoami", "token_invalid", { token: `lct_${"x".repeat(43)}` });

  const spec = idleSpec(["first", "second"], "contract_case");
  await well("validate_template", { body: { spec } }, 200);
  await badly("validate_template", "invalid_input", { body: { text: 7 } });
  await well("save_template", { body: { text: JSON.stringify(spec) } }, 201);
  await well("save_template", { body: { spec } }, 200);
  await badly("save_template", "invalid_spec", { body: { spec: { version: 1 } } });
  await well("list_templates", { query: { project_id: tenant.project_id } }, 200);
  await badly("list_templates", "invalid_input", { query: { limit: 0 } });
  await well("get_template", { params: { template_key: "contract_case" } }, 200);
  await badly("get_template", "not_found", { params: { template_key: "no_such_template" } });
  await well("list_template_versions", { params: { template_key: "contract_case" } }, 200);
  await badly("list_template_versions", "not_found", { params: { template_key: "no_such_template" } });
  await well("get_template_version", { params: { template_key: "contract_case", version: "1" } }, 200);
  await badly("get_template_version", "not_found", { params: { template_key: "contract_case", version: "9999" } });

  const queue = aQueue();
  const key = { "idempotency-key": randomUUID() };
  const created = z.object({ run_id: z.guid() }).parse(await well("create_run", { body: { template_key: "contract_case", queue }, headers: key }, 201));
  const replayed = await well("create_run", { body: { template_key: "contract_case", queue }, headers: key }, 200);
  expect(replayed).toMatchObject({ run_id: created.run_id });
  await badly("create_run", "idempotency_conflict", { body: { template_key: "contract_case", queue: aQueue() }, headers: key });
  await badly("create_run", "not_found", { body: { template_key: "no_such_template" } });
  await badly("create_run", "invalid_parameters", { body: { spec: { ...spec, parameters: { type: "object", properties: { n: { type: "integer" } } } }, parameters: { n: "seven" } } });
  const params = { run_id: created.run_id };
  await well("list_runs", { query: { limit: 1, status: "queued,running" } }, 200);
  await badly("list_runs", "invalid_input", { query: { status: "asleep" } });
  await well("get_run", { params }, 200);
  await badly("get_run", "not_found", { params: { run_id: nobody } });
  await badly("get_run", "invalid_input", { params: { run_id: "seven" } });

  await well("claim_runs", { body: { queues: [aQueue()] } }, 204);
  await badly("claim_runs", "forbidden", { body: {}, token: tenant.api.token });
  const { items } = z.object({ items: z.array(z.object({ lease_token: z.guid() })) }).parse(await well("claim_runs", { body: { queues: [queue], max_runs: 1, lease_seconds: 60 } }, 200));
  const lease = { "lease-token": items[0]?.lease_token ?? "" };
  const stale = { "lease-token": nobody };
  await badly("start_run", "lease_lost", { params, headers: stale });
  await badly("start_run", "invalid_input", { params });
  await well("start_run", { params, headers: lease }, 200);
  await well("heartbeat_run", { params, headers: lease, body: { phase: "first" } }, 200);
  await badly("heartbeat_run", "lease_lost", { params, headers: stale });
  await badly("set_phase", "illegal_transition", { params: { ...params, name: "first" }, headers: lease, body: { status: "succeeded" } });
  await well("set_phase", { params: { ...params, name: "first" }, headers: lease, body: { status: "running" } }, 200);
  const event = { event_id: randomUUID(), type: "PHASE_PROGRESS", phase: "first", message: "half" };
  await well("append_events", { params, headers: lease, body: { events: [event] } }, 200);
  await badly("append_events", "event_conflict", { params, headers: lease, body: { events: [{ ...event, message: "another" }] } });
  await badly("append_events", "invalid_input", { params, headers: lease, body: { events: [{ ...event, type: "RUN_SUCCEEDED" }] } });
  await well("pin_inputs", { params, headers: lease, body: { datasets: ["silver.nothing"] } }, 200);
  await badly("pin_inputs", "invalid_input", { params, headers: lease, body: { datasets: ["nothing"] } });

  const content = `contract ${randomUUID()}`;
  const sha256 = createHash("sha256").update(content).digest("hex");
  const artifact = { phase: "first", name: "note.txt", kind: "report", content_type: "text/plain", byte_size: content.length, sha256 };
  await badly("register_artifact", "object_missing", { params, headers: lease, body: artifact });
  const place = { environment_id: tenant.environment_id };
  await well("create_upload_url", { params: { sha256 }, body: { ...place, byte_size: content.length } }, 200);
  await badly("create_upload_url", "not_found", { params: { sha256 }, body: { environment_id: nobody, byte_size: 1 } });
  await badly("finish_upload", "object_missing", { params: { sha256 }, body: place });
  await badly("put_object", "hash_mismatch", { params: { sha256 }, query: place, bytes: "something else" });
  await well("put_object", { params: { sha256 }, query: place, bytes: content }, 201);
  await well("put_object", { params: { sha256 }, query: place, bytes: content }, 200);
  await well("finish_upload", { params: { sha256 }, body: place }, 200);
  const { artifact_id } = z.object({ artifact_id: z.guid() }).parse(await well("register_artifact", { params, headers: lease, body: artifact }, 201));
  await well("list_artifacts", { params }, 200);
  await badly("list_artifacts", "not_found", { params: { run_id: nobody } });
  expect(await well("get_artifact_content", { params: { artifact_id } }, 200)).toBe(content);
  expect(await well("get_artifact_content", { params: { artifact_id }, headers: { range: "bytes=0-7" } }, 206)).toBe("contract");
  await well("get_artifact_content", { params: { artifact_id }, headers: { "if-none-match": `"${sha256}"` } }, 304);
  await badly("get_artifact_content", "range_not_satisfiable", { params: { artifact_id }, headers: { range: "bytes=9999-" } });
  await well("get_artifact_preview", { params: { artifact_id } }, 200);
  await badly("get_artifact_preview", "not_found", { params: { artifact_id: nobody } });
  const dataset = { phase: "first", name: "gold.contract", layer: "gold", table_version: 0, format: "delta", location: `${tenant.environment_id}/gold/contract`, content_sha256: sha256, row_count: 1, byte_size: 1, columns: [{ name: "id", type: "integer" }] };
  await well("begin_publish", { params, headers: lease, body: { phase: dataset.phase, datasets: [dataset.name] } }, 200);
  await badly("begin_publish", "invalid_input", { params, headers: lease, body: { phase: dataset.phase, datasets: [] } });
  const result = { dataset: dataset.name, check: "unique", label: "gold.contract unique (id)", severity: "fail", verdict: "pass", wrong: 0, seen: 1 };
  expect(await well("record_quality", { params, headers: lease, body: { phase: dataset.phase, results: [result] } }, 200)).toEqual({ recorded: 1, failed: 0 });
  await badly("record_quality", "invalid_input", { params, headers: lease, body: { phase: dataset.phase, results: [{ ...result, severity: "grave" }] } });
  await well("list_quality", { query: { environment_id: tenant.environment_id, dataset: dataset.name } }, 200);
  await badly("list_quality", "invalid_input", { query: { dataset: dataset.name } });
  await well("list_freshness", { query: { environment_id: tenant.environment_id, state: "breached" } }, 200);
  await badly("list_freshness", "invalid_input", { query: { environment_id: tenant.environment_id, state: "stale" } });
  await well("list_freshness_signals", { query: { environment_id: tenant.environment_id, dataset: dataset.name } }, 200);
  await badly("list_freshness_signals", "invalid_input", {});
  const published = await well("publish_dataset", { params, headers: lease, body: dataset }, 201);
  await badly("publish_dataset", "invalid_input", { params, headers: lease, body: { ...dataset, format: "csv" } });
  await well("list_datasets", { query: { environment_id: tenant.environment_id, layer: "gold" } }, 200);
  await badly("list_datasets", "invalid_input", { query: { layer: "lead" } });
  await well("list_dataset_versions", { params: { dataset_id: (published as { dataset_id: string }).dataset_id } }, 200);
  await badly("list_dataset_versions", "not_found", { params: { dataset_id: randomUUID() } });

  const told = { eventType: "COMPLETE", eventTime: new Date().toISOString(), producer: "https://example.test", schemaURL: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent", run: { runId: randomUUID() }, job: { namespace: "n", name: "dashboard" },
    inputs: [{ namespace: "file", name: `/lake/${tenant.environment_id}/gold/contract` }], outputs: [{ namespace: "bi", name: "chart" }] };
  expect(await well("record_lineage", { body: told }, 201)).toEqual({ recorded: 1 });
  await badly("record_lineage", "invalid_input", { body: { ...told, run: { runId: "1" } } });
  expect(await well("record_lineage_batch", { body: [told, { ...told, job: {} }] }, 200)).toMatchObject({ status: "partial_success", failed_events: [{ index: 1, retriable: false }] });
  await badly("record_lineage_batch", "invalid_input", { body: [] });
  const receiver = { url: "https://lineage.example.test/api/v1/lineage", enabled: false };
  await badly("get_lineage_receiver", "not_found", {});
  expect(await well("put_lineage_receiver", { body: { ...receiver, api_key: "a-key" } }, 200)).toMatchObject({ ...receiver, has_key: true, waiting_runs: 0 });
  await badly("put_lineage_receiver", "invalid_input", { body: { ...receiver, url: "https://10.0.0.1/lineage?" + "x".repeat(2000) } });
  expect(await well("get_lineage_receiver", {}, 200)).toMatchObject(receiver);
  await well("delete_lineage_receiver", {}, 204);
  await badly("delete_lineage_receiver", "not_found", { query: { environment: "no-such-environment" } });
  const around = { environment_id: tenant.environment_id, dataset: dataset.name };
  expect(await well("get_lineage", { query: { ...around, direction: "downstream" } }, 200)).toMatchObject({ items: [{ dataset: dataset.name, distance: 0 }, { name: "chart", distance: 1 }], next_cursor: null });
  await badly("get_lineage", "not_found", { query: { ...around, dataset: "gold.no_such_table" } });
  await well("get_column_lineage", { query: around }, 200);
  await badly("get_column_lineage", "invalid_input", { query: { ...around, depth: 21 } });
  expect(await well("list_lineage_readers", { query: around }, 200)).toMatchObject({ items: [{ name: "dashboard" }] });
  await badly("list_lineage_readers", "invalid_input", { query: { environment_id: tenant.environment_id } });

  const children = { phase: "first", spec: idleSpec(["first"]), children: [{ key: "a", parameters: {} }] };
  const fanned = z.object({ items: z.array(z.object({ run_id: z.guid() })) }).parse(await well("create_children", { params, headers: lease, body: children }, 200));
  await badly("create_children", "invalid_input", { params, headers: lease, body: { ...children, children: [] } });
  await well("wait_for_children", { params, headers: lease }, 200);
  await badly("wait_for_children", "lease_lost", { params, headers: stale });
  await well("cancel_run", { params: { run_id: fanned.items[0]?.run_id ?? "" }, body: {} }, 200);
  const waited = z.object({ items: z.array(z.object({ lease_token: z.guid() })) }).parse(await well("claim_runs", { body: { run_id: created.run_id, queues: [queue], lease_seconds: 60 } }, 200));
  await well("release_run", { params, headers: { "lease-token": waited.items[0]?.lease_token ?? "" }, body: { reason: "for another" } }, 200);
  await badly("release_run", "lease_lost", { params, headers: stale });
  const again = z.object({ items: z.array(z.object({ lease_token: z.guid() })) }).parse(await well("claim_runs", { body: { run_id: created.run_id, queues: [queue], lease_seconds: 60 } }, 200));
  const second = { "lease-token": again.items[0]?.lease_token ?? "" };
  await well("start_run", { params, headers: second }, 200);
  await badly("complete_run", "illegal_transition", { params, headers: second });
  for (const name of ["first", "second"]) {
    await well("set_phase", { params: { ...params, name }, headers: second, body: { status: "running" } }, 200);
    await well("set_phase", { params: { ...params, name }, headers: second, body: { status: "succeeded", output_sha256: sha256 } }, 200);
  }
  await well("list_phases", { params }, 200);
  await badly("list_phases", "not_found", { params: { run_id: nobody } });
  await badly("retry_run", "illegal_transition", { params, body: {} });
  await well("complete_run", { params, headers: second, body: { output_manifest: { done: true } } }, 200);
  await badly("cancel_run", "run_finished", { params, body: {} });
  await well("list_events", { params, query: { limit: 3 } }, 200);
  await badly("list_events", "not_found", { params: { run_id: nobody } });

  const retried = z.object({ run_id: z.guid() }).parse(await well("retry_run", { params, body: { mode: "all" } }, 201));
  await well("compare_runs", { params: { run_id: created.run_id, other_run_id: retried.run_id } }, 200);
  await badly("compare_runs", "not_found", { params: { run_id: created.run_id, other_run_id: nobody } });
  expect(await well("get_verification", { params }, 200)).toMatchObject({ run_id: created.run_id, verification_run_id: null, verdict: null });
  await badly("get_verification", "not_found", { params: { run_id: nobody } });
  await well("get_provenance", { params }, 200);
  await badly("get_provenance", "not_found", { params: { run_id: nobody } });
  await well("get_run_openlineage", { params }, 200);
  await badly("get_run_openlineage", "not_found", { params: { run_id: nobody } });
  await badly("get_provenance", "illegal_transition", { params: { run_id: retried.run_id } });
  const third = z.object({ items: z.array(z.object({ lease_token: z.guid() })) }).parse(await well("claim_runs", { body: { run_id: retried.run_id, queues: [queue], lease_seconds: 60 } }, 200));
  const failing = { params: { run_id: retried.run_id }, headers: { "lease-token": third.items[0]?.lease_token ?? "" } };
  await badly("fail_run", "invalid_input", { ...failing, body: { error_code: "Not A Word", error_message: "x" } });
  await well("fail_run", { ...failing, body: { error_code: "sql_error", error_message: "no", permanent: true } }, 200);
  expect(await well("list_failures", { query: { environment_id: tenant.environment_id } }, 200)).toMatchObject({ items: [{ run_id: retried.run_id, mark: null }] });
  await badly("mark_failure", "invalid_input", { params: failing.params, body: { mark: "waived" } });
  expect(await well("mark_failure", { params: failing.params, body: { mark: "waived", reason: "It was to fail." } }, 200)).toMatchObject({ mark: "waived" });
  const unwanted = z.object({ run_id: z.guid() }).parse(await well("create_run", { body: { spec, queue: aQueue() } }, 201));
  await well("cancel_run", { params: { run_id: unwanted.run_id }, body: { reason: "not wanted" } }, 200);
  await well("explain_run", { params }, 200);
  await badly("explain_run", "not_found", { params: { run_id: nobody } });
  await badly("mark_failure", "illegal_transition", { params, body: { mark: "acknowledged" } });
  await badly("mark_failure", "not_found", { params: { run_id: nobody }, body: { mark: "acknowledged" } });
  await badly("list_failures", "not_found", { query: { environment_id: nobody } });
  expect(await well("search", { query: { environment_id: tenant.environment_id, query: retried.run_id } }, 200)).toMatchObject({ items: [{ kind: "run", id: retried.run_id, state: "failed" }] });
  expect(await well("count_runs", { query: { environment_id: tenant.environment_id, error_code: "sql_error" } }, 200)).toMatchObject({ complete: true, runs: { failed: 1, queued: 0 } });
  await badly("count_runs", "not_found", { query: { environment_id: nobody } });
  await badly("search", "not_found", { query: { environment_id: nobody, query: "x" } });
  const capped = { cap_key: `contract_${randomUUID()}`, unit: "rows", period: "day", time_zone: "Europe/Berlin", limit_amount: "12.5" };
  const { cap_id } = z.object({ cap_id: z.guid() }).parse(await well("create_cap", { body: capped }, 201));
  await badly("create_cap", "conflict", { body: capped });
  await well("get_cap", { params: { cap_id } }, 200);
  await badly("get_cap", "not_found", { params: { cap_id: nobody } });
  await well("list_caps", { query: { limit: 1 } }, 200);
  await badly("list_caps", "invalid_input", { query: { cursor: "not a cursor" } });
  await well("cap_allow", { body: { cap_key: capped.cap_key, amount: 12.5 } }, 200);
  await badly("cap_allow", "lease_lost", { body: { cap_key: capped.cap_key, run_id: created.run_id }, headers: stale, token: executor.token });
  await well("change_cap", { params: { cap_id }, body: { limit_amount: "0" } }, 200);
  await badly("change_cap", "invalid_input", { params: { cap_id }, body: { limit_amount: "-1" } });
  await well("delete_cap", { params: { cap_id } }, 204);
  await badly("delete_cap", "not_found", { params: { cap_id } });
  await well("list_executors", { query: { project_id: tenant.project_id } }, 200);
  await badly("list_executors", "invalid_input", { query: { cursor: "not a cursor" } });

  const calls = { live, tenant, executor, well, badly };
  await alerts(calls, "contract_case");
  await planning(calls);
  await registry(calls);
  await identity(calls);
  await secrets(calls);

  const names = Object.keys(operations);
  expect(names.filter((name) => !covered.has(name))).toEqual([]);
  expect(names.filter((name) => !covered.has(`${name} badly`) && (operations as Record<string, Operation>)[name]?.access !== "public")).toEqual([]);
}, 120_000);

test("an unknown path, a wrong method, a wrong content type, a body that is too large or no JSON: each has its own problem", async () => {
  const headers = { authorization: `Bearer ${tenant.api.token}`, "content-type": "application/json" };
  const call = (path: string, init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> }) => raw(`${live.stack.api_url}${path}`, { ...init, headers: { ...headers, ...init.headers } });
  expectProblem(await call("/nothing/here", {}), "not_found", "unknown path");
  expectProblem(await call("/runs/", { method: "PATCH", body: "{}" }).then((answer) => (answer.status === 308 ? call("/runs", { method: "PATCH", body: "{}" }) : answer)), "method_not_allowed", "PATCH /runs");
  const wrong = await call("/runs", { method: "DELETE" });
  expectProblem(wrong, "method_not_allowed", "DELETE /runs");
  expect(wrong.headers.get("allow")).toContain("POST");
  expectProblem(await call("/runs", { method: "POST", body: "{}", headers: { "content-type": "text/plain" } }), "unsupported_media_type", "text/plain");
  expectProblem(await call("/runs", { method: "POST", body: "{" }), "invalid_json", "half a document");
  expectProblem(await call("/runs", { method: "POST", body: JSON.stringify({ parameters: { text: "x".repeat(5_000_000) } }) }), "payload_too_large", "5 MB of parameters");
  expectProblem(await call(`/runs/${nobody}/cancel`, { method: "POST", body: JSON.stringify({ reason: "x".repeat(300_000) }) }), "payload_too_large", "300 kB of reason");
  expectProblem(await call("/runs?unknown=1", {}), "invalid_input", "unknown parameter");
  expectProblem(await raw(`${live.stack.api_url}/runs`, {}), "unauthenticated", "nobody");
  expectProblem(await raw(`${live.stack.api_url}/runs`, { headers: { authorization: "Basic eDp5" } }), "token_invalid", "another scheme");
});

test("a session in the browser may change something only from the control room's own pages", async () => {
  const user = await aUser(live, `${randomUUID()}@example.test`);
  await live.sql("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'operator')", [user.user_id, tenant.organization_id, tenant.project_id]);
  const { cookie } = await signIn(live, user);
  const post = (headers: Record<string, string>) => raw(`${live.stack.api_url}/runs`, { method: "POST", headers: { cookie, "content-type": "application/json", ...headers }, body: JSON.stringify({ spec: idleSpec(), queue: aQueue() }) });
  expectProblem(await post({ origin: "https://evil.example" }), "origin_refused", "another site");
  expectProblem(await post({ origin: "null" }), "origin_refused", "a sandboxed frame");
  expectProblem(await post({ "sec-fetch-site": "cross-site" }), "origin_refused", "no origin");
  const own = await post({ origin: live.stack.app_url });
  expect(own.status, own.text).toBe(201);
  expect(own.body).toMatchObject({ triggered_by: user.email });
  expect((await raw(`${live.stack.api_url}/runs`, { headers: { cookie, origin: "https://evil.example" } })).status, "reading changes nothing").toBe(200);
  expectProblem(await raw(`${live.stack.api_url}/runs`, { headers: { cookie: cookie.replace(/.{40}$/, "") } }), "unauthenticated", "a broken cookie");
});

test("the stream of a finished run replays every event and ends; Last-Event-ID goes on where it broke off", async () => {
  const queue = aQueue();
  const { run_id } = z.object({ run_id: z.guid() }).parse(await well("create_run", { body: { spec: idleSpec(), queue } }, 201));
  const claim = (await executor.plane.claim({ queues: [queue], lease_seconds: 60 })).items[0];
  const lease = { run_id, lease_token: claim?.lease_token ?? "" };
  await executor.plane.start(lease);
  await executor.plane.setPhase(lease, "only", { status: "running" });
  // More than one page of the stream.
  for (let batch = 0; batch < 3; batch += 1) {
    await executor.plane.appendEvents(lease, Array.from({ length: 300 }, (_, index) => ({ event_id: randomUUID(), type: "PHASE_PROGRESS", phase: "only", message: `${batch}/${index} ✓\nline` })));
  }
  await executor.plane.setPhase(lease, "only", { status: "succeeded" });
  await executor.plane.complete(lease, {});
  const all = await eventsOf(tenant.api, run_id);
  expect(all.length).toBeGreaterThan(900);

  const stream = async (headers: Record<string, string>) => {
    const response = await fetch(`${live.stack.api_url}/runs/${run_id}/events`, { headers: { authorization: `Bearer ${tenant.api.token}`, accept: "text/event-stream", ...headers }, signal: AbortSignal.timeout(30_000) });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const received = [];
    for await (const event of parseEventStream(response.body as unknown as AsyncIterable<Uint8Array>)) received.push(event);
    return received;
  };
  const whole = await stream({});
  expect(whole.at(-1)?.event).toBe("end");
  expect(whole.slice(0, -1).map((event) => runEvent.parse(JSON.parse(event.data)))).toEqual(all);
  expect(whole.slice(0, -1).map((event) => event.id)).toEqual(all.map((event) => String(event.seq)));
  const rest = await stream({ "last-event-id": String(all.length - 2) });
  expect(rest.slice(0, -1).map((event) => event.id)).toEqual([String(all.length - 1), String(all.length)]);
  expect(rest.at(-1)?.event).toBe("end");
});
