import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rpc, type RpcArgs, type RpcReturns } from "../../contracts/rpc.ts";
import type { CreateRunsResponse } from "../../contracts/run.ts";
import {
  aClaim, anApiToken, anExecutor, anObject, aRequest, aRun, aTenant, brokenInvariants, call, claimSome, eventTypes, finish, openWorld, refusal, request, specText, statusOf, type Tenant, type World,
} from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: Awaited<ReturnType<typeof anExecutor>>;
beforeAll(async () => {
  world = await openWorld(24);
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
});
afterAll(() => world?.drop());

test("50 parallel calls with one idempotency key make one run, and all answer it", async () => {
  for (const more of [{}, { concurrency_key: "gated" }, { queue: "fresh_lane" }]) {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 50 }, () => call(world, tenant.api, "create_run", aRequest(tenant, { idempotency_key: key, ...more }))));
    expect(new Set(answers.map((answer) => answer.run.run_id)).size).toBe(1);
    expect(answers.filter((answer) => answer.created)).toHaveLength(1);
    expect(await eventTypes(world, answers[0]?.run.run_id ?? "")).toEqual(["RUN_CREATED"]);
  }
  expect(await brokenInvariants(world)).toEqual([]);
});

test("parallel calls over new lanes, keys and templates never block each other for good", async () => {
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], "shared") });
  await world.owner.query("update ops.job_templates set max_active = 3 where template_key = 'shared'");
  const made = await Promise.all(Array.from({ length: 120 }, (_, n) => {
    const { request: body } = aRequest(tenant, { queue: `q${n % 4}`, labels: n % 2 ? ["b", "a"] : [], concurrency_key: `k${n % 5}`, concurrency_limit: 1 + (n % 3) });
    return call(world, tenant.api, "create_run", { request: n % 3 === 0 ? { ...body, spec_text: undefined, template_key: "shared" } : body });
  }));
  expect(made.every((answer) => answer.created)).toBe(true);
});

test("one idempotency key with another request is a conflict", async () => {
  const key = randomUUID();
  const first = await call(world, tenant.api, "create_run", aRequest(tenant, { idempotency_key: key }));
  expect(await refusal(call(world, tenant.api, "create_run", aRequest(tenant, { idempotency_key: key, priority: 7 })))).toEqual({ code: "idempotency_conflict", status: "PT409" });
  await call(world, tenant.api, "cancel_run", { run_id: first.run.run_id });
  expect((await refusal(call(world, tenant.api, "retry_run", { run_id: first.run.run_id, idempotency_key: key }))).code).toBe("idempotency_conflict");
  const retried = await call(world, tenant.api, "retry_run", { run_id: first.run.run_id, idempotency_key: "again" });
  expect((await call(world, tenant.api, "retry_run", { run_id: first.run.run_id, idempotency_key: "again" })).run_id).toBe(retried.run_id);
  expect((await refusal(call(world, tenant.api, "retry_run", { run_id: first.run.run_id, mode: "failed", idempotency_key: "again" }))).code).toBe("idempotency_conflict");
  const other = await aTenant(world);
  expect((await call(world, other.api, "create_run", aRequest(other, { idempotency_key: key }))).created).toBe(true); // keys belong to an environment
});

test("operators and above start, cancel and repeat runs; viewers and executors may not", async () => {
  const queued = await aRun(world, tenant);
  const ended = await aRun(world, tenant);
  await call(world, tenant.api, "cancel_run", { run_id: ended });
  for (const role of ["viewer", "operator", "editor", "admin", "owner"]) {
    const who = await anApiToken(world, tenant.project_id, role);
    const attempts = [
      () => call(world, who, "create_run", aRequest(tenant)), () => call(world, who, "retry_run", { run_id: ended }), () => call(world, who, "cancel_run", { run_id: queued }),
    ];
    for (const attempt of attempts) {
      if (role === "viewer") expect(await refusal(attempt())).toEqual({ code: "forbidden", status: "PT403" });
      else await attempt();
    }
    const save = call(world, who, "save_template", { project_id: tenant.project_id, spec_text: specText(["work"], `by_${role}`) });
    if (role === "viewer" || role === "operator") expect((await refusal(save)).code).toBe("forbidden");
    else expect((await save).created).toBe(true);
  }
  expect((await refusal(call(world, executor, "create_run", aRequest(tenant)))).code).toBe("forbidden");
  expect((await refusal(call(world, executor, "cancel_run", { run_id: queued }))).code).toBe("forbidden");
});

test("a token of one environment starts runs there and nowhere else", async () => {
  const prod = (await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod') returning environment_id as id", [tenant.project_id])).rows[0].id;
  const token = await anApiToken(world, tenant.project_id, "owner", prod);
  expect((await call(world, token, "create_run", aRequest(tenant, { environment_id: prod }))).created).toBe(true);
  expect(await refusal(call(world, token, "create_run", aRequest(tenant)))).toEqual({ code: "not_found", status: "PT404" });
});

test("bad requests are refused with a code or a named constraint, and leave nothing", async () => {
  const count = async () => (await world.owner.query("select count(*)::int as n from ops.runs")).rows[0].n;
  const before = await count();
  for (const [more, code] of [
    [{ environment_id: randomUUID() }, "not_found"], [{ spec_text: undefined }, "invalid_input"], [{ spec_text: undefined, template_key: "nothing" }, "not_found"],
    [{ spec_text: "{" }, "invalid_spec"], [{ spec_text: "[]" }, "invalid_spec"], [{ spec_text: '{"name": "a"}' }, "invalid_spec"], [{ spec_text: '{"name": "A B", "phases": []}' }, "invalid_spec"],
    [{ spec_text: undefined, template_key: "shared", template_version: 99 }, "not_found"],
  ] as const) {
    expect((await refusal(call(world, tenant.api, "create_run", aRequest(tenant, more as never)))).code, JSON.stringify(more)).toBe(code);
  }
  for (const [more, constraint] of [[{ priority: -1 }, "priority_is_in_range"], [{ max_attempts: 0 }, "max_attempts_is_positive"], [{ parameters: [] }, "parameters_are_an_object"], [{ concurrency_key: "zero", concurrency_limit: 0 }, "a_gate_lets_one_through"]] as const) {
    await expect(call(world, tenant.api, "create_run", aRequest(tenant, more as never)), constraint).rejects.toMatchObject({ constraint });
  }
  await expect(request(world, tenant.api, "select ops.create_run($1::jsonb)", [`{"environment_id": "${tenant.environment_id}", "spec_text": "a\\u0000b"}`])).rejects.toMatchObject({ code: "22P05" });
  expect(await count()).toBe(before);
});

/** A run that read bronze.a version 1 and failed in its second phase; extract's artifact is registered. */
async function aFailedRun(request: Parameters<typeof aRun>[2] = {}): Promise<string> {
  const run_id = await aRun(world, tenant, request);
  const { lease } = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "pin_inputs", { ...lease, sources: { odoo: { snapshot: "0/1" } } });
  const object = await anObject(world, tenant.environment_id, "rows");
  await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "running" } });
  await call(world, executor, "register_artifact", { ...lease, artifact: { phase: "extract", name: "rows.json", kind: "manifest", content_type: "application/json", ...object } });
  await call(world, executor, "set_phase", { ...lease, name: "extract", patch: { status: "succeeded", output_sha256: object.sha256, metrics: { rows: 3 } } });
  await call(world, executor, "set_phase", { ...lease, name: "check", patch: { status: "running" } });
  await call(world, executor, "fail_run", { ...lease, error_code: "quality_failed", error_message: "no", permanent: true });
  return run_id;
}

test("retry all makes a new run with the inputs that the old one pinned; the old one stays as it was", async () => {
  const old = await aFailedRun();
  const again = await call(world, tenant.api, "retry_run", { run_id: old });
  expect(again).toMatchObject({ status: "queued", attempt: 0, trigger: "retry", repairs_run_id: old, isolated: false, error_code: null, finished_at: null, input_manifest: { sources: { odoo: { snapshot: "0/1" } } } });
  const { phases } = await aClaim(world, executor, { run_id: again.run_id });
  expect(phases.map((phase) => phase.status)).toEqual(["pending", "pending", "pending"]);
  expect(await statusOf(world, old)).toBe("failed");
});

test("retry failed reuses what succeeded, with its artifacts, and executes the rest", async () => {
  const old = await aFailedRun();
  const again = await call(world, tenant.api, "retry_run", { run_id: old, mode: "failed" });
  const claim = await aClaim(world, executor, { run_id: again.run_id });
  expect(claim.phases.map((phase) => phase.status)).toEqual(["reused", "pending", "pending"]);
  expect(claim.phases[0]).toMatchObject({ metrics: { rows: 3 }, attempt: 0 });
  const { rows } = await world.owner.query("select run_id, name, sha256, phase from ops.run_artifacts where run_id = any ($1) order by run_id", [[old, again.run_id]]);
  expect(rows.map((row) => [row.run_id, row.name, row.phase])).toEqual([[old, "rows.json", "extract"], [again.run_id, "rows.json", "extract"]]);
  expect(rows[0].sha256).toBe(rows[1].sha256);
  await finish(world, executor, claim);
  expect(await statusOf(world, again.run_id)).toBe("succeeded");
  expect((await refusal(call(world, tenant.api, "retry_run", { run_id: again.run_id, mode: "failed" }))).code).toBe("illegal_transition");
});

test("a repair with the current definition reuses the phases that are still the same, and executes what changed and what follows", async () => {
  const save = (sql: string) => call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["extract", "check", "load"], "mended").replace("select 1", sql) });
  await save("select 1");
  const fail = async () => aFailedRun({ template_key: "mended", spec_text: undefined });
  const statuses = async (definition: "pinned" | "current", old: string) =>
    (await aClaim(world, executor, { run_id: (await call(world, tenant.api, "retry_run", { run_id: old, mode: "failed", definition })).run_id })).phases.map((phase) => phase.status);
  const old = await fail();
  await save("select 2"); // of the first phase
  expect(await statuses("current", old)).toEqual(["pending", "pending", "pending"]);
  expect(await statuses("pinned", old)).toEqual(["reused", "pending", "pending"]);
  await save("select 1");
  expect(await statuses("current", old)).toEqual(["reused", "pending", "pending"]);
});

test("verify is isolated and publishes nothing; only a succeeded run is verified", async () => {
  const run_id = await aRun(world, tenant);
  expect((await refusal(call(world, tenant.api, "retry_run", { run_id, mode: "verify" }))).code).toBe("illegal_transition");
  await finish(world, executor, await aClaim(world, executor, { run_id }));
  const verify = await call(world, tenant.api, "retry_run", { run_id, mode: "verify" });
  expect(verify).toMatchObject({ isolated: true, trigger: "verify", repairs_run_id: run_id });
  const { lease } = await aClaim(world, executor, { run_id: verify.run_id });
  await call(world, executor, "start_run", lease);
  expect((await refusal(call(world, executor, "publish_dataset", { ...lease, dataset: { phase: "load" } as never }))).code).toBe("illegal_transition");
  expect((await refusal(call(world, tenant.api, "retry_run", { run_id, mode: "verify", definition: "current" }))).code).toBe("illegal_transition");
  expect((await refusal(call(world, tenant.api, "retry_run", { run_id, mode: "some" as never }))).code).toBe("invalid_input");
});

test("a retry keeps the pinned definition, or takes the current one when asked", async () => {
  const save = (phases: string[]) => call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(phases, "evolving") });
  await save(["one"]);
  const { run } = await call(world, tenant.api, "create_run", { request: { ...aRequest(tenant).request, spec_text: undefined, template_key: "evolving" } });
  await call(world, tenant.api, "cancel_run", { run_id: run.run_id });
  expect((await save(["one", "two"])).template.current_version).toBe(2);
  expect((await save(["one", "two"])).created).toBe(false);
  const names = async (run_id: string) => (await world.owner.query("select array_agg(name order by position) as names from ops.run_phases where run_id = $1", [run_id])).rows[0].names;
  const pinned = await call(world, tenant.api, "retry_run", { run_id: run.run_id });
  const current = await call(world, tenant.api, "retry_run", { run_id: run.run_id, definition: "current" });
  expect([pinned.template_version, await names(pinned.run_id)]).toEqual([1, ["one"]]);
  expect([current.template_version, await names(current.run_id)]).toEqual([2, ["one", "two"]]);
});

test("a template saved by ten at once has one version a spec, counted from one", async () => {
  const saves = await Promise.all(Array.from({ length: 10 }, () => call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["a"], "raced") })));
  expect(saves.filter((save) => save.created)).toHaveLength(1);
  await Promise.all(Array.from({ length: 10 }, (_, n) => call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: specText(["a", `p${n}`], "raced") })));
  const { rows } = await world.owner.query("select array_agg(v.version order by v.version) as versions, max(t.current_version) as current from ops.job_templates as t join ops.job_template_versions as v using (template_id) where t.template_key = 'raced'");
  expect(rows[0]).toEqual({ versions: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], current: 11 });
});

test("what a person or token changes is in the audit log, once", async () => {
  const run_id = await aRun(world, tenant);
  await call(world, { user: tenant.user }, "cancel_run", { run_id });
  await call(world, { user: tenant.user }, "cancel_run", { run_id });
  const { rows } = await world.owner.query("select action, actor_type from ops.audit_log where object_id = $1 order by audit_id", [run_id]);
  expect(rows).toEqual([{ action: "run.created", actor_type: "token" }, { action: "run.canceled", actor_type: "user" }]);
  for (const sql of ["update ops.audit_log set action = 'x'", "delete from ops.audit_log where true", "truncate ops.audit_log"]) {
    await expect(world.owner.query(sql)).rejects.toMatchObject({ code: "PT409" });
  }
});

test("a batch queues every run as create_run does, copies included", async () => {
  const more = { queue: "batch", spec_text: specText(["only", "then"]) };
  const requests = Array.from({ length: 20 }, (_, nth) => aRequest(tenant, { ...more, parameters: { nth } }).request);
  const { items } = await call(world, tenant.api, "create_runs", { requests }) as CreateRunsResponse;
  const { run } = await call(world, tenant.api, "create_run", aRequest(tenant, { ...more, parameters: { nth: 7 } }));
  expect(rpc.create_runs.returns.safeParse({ items }).error).toBeUndefined();
  const alike = (text: unknown) => JSON.parse(JSON.stringify(text, (key, value: unknown) => (["run_id", "created_at", "request_sha256", "object_id", "audit_id", "event_id", "txid", "parameters"].includes(key) ? "…" : value)));
  const traces = await world.owner.query(`select r.run_id, to_jsonb(r) as run, to_jsonb(h) as head, (select jsonb_agg(to_jsonb(p) order by position) from ops.run_phases as p where p.run_id = r.run_id) as phases,
    (select jsonb_agg(to_jsonb(e) order by seq) from ops.run_events as e where e.run_id = r.run_id) as events, (select jsonb_agg(to_jsonb(a)) from ops.audit_log as a where a.object_id = r.run_id::text) as audit
    from ops.runs as r join ops_private.run_heads as h using (run_id) where r.queue = 'batch' order by r.run_id`);
  expect(traces.rows.length).toBe(21);
  for (const row of traces.rows) expect(alike(row)).toEqual(alike(traces.rows.at(-1)));
  expect(items.map((item) => item.ok && [item.created, item.run.parameters, alike({ ...item.run })])).toEqual(items.map((_, nth) => [true, { nth }, alike(run)]));
  expect(items.map((item) => item.ok && item.run.run_id)).toEqual(traces.rows.slice(0, 20).map(({ run_id }) => run_id)); // in the order of the requests
});

test("in a batch each request is refused for itself, and idempotency keys hold", async () => {
  const requests = [
    aRequest(tenant, { queue: "mixed", idempotency_key: "a" }), aRequest(tenant, { queue: "mixed", idempotency_key: "b" }), aRequest(tenant, { queue: "mixed", idempotency_key: "a" }),
    aRequest(tenant, { queue: "mixed", idempotency_key: "b", parameters: { other: true } }), aRequest(tenant, { spec_text: "no" }), aRequest(tenant, { template_key: "nothing", spec_text: undefined }),
    aRequest(tenant, { queue: "mixed", concurrency_key: "k" }), aRequest(tenant, { queue: "mixed", concurrency_key: "k" }), aRequest(tenant, { debounce_key: "d" }),
  ].map(({ request }) => request);
  const say = (answer: RpcReturns<"create_runs">) => answer.items.map((item) => (item.ok ? (item.created ? "created" : "replayed") : item.error.code));
  const first = await call(world, tenant.api, "create_runs", { requests }) as CreateRunsResponse;
  expect(say(first)).toEqual(["created", "created", "replayed", "idempotency_conflict", "invalid_spec", "not_found", "created", "created", "send_alone"]);
  const again = await call(world, tenant.api, "create_runs", { requests: requests.slice(0, 4) }) as CreateRunsResponse;
  expect(say(again)).toEqual(["replayed", "replayed", "replayed", "idempotency_conflict"]);
  expect(again.items.map((item) => item.ok && item.run.run_id)).toEqual(first.items.slice(0, 4).map((item) => item.ok && item.run.run_id));
  // By name, and for ids alone, it is the same answer.
  const short = await call(world, tenant.api, "create_runs", { ids_only: true, requests: requests.slice(0, 4) });
  expect(short.items).toEqual(again.items.map((item) => (item.ok ? { ok: true, created: false, run_id: item.run.run_id } : item)));
  // Eight callers with the same twenty keys make twenty runs.
  const keyed = Array.from({ length: 20 }, (_, nth) => aRequest(tenant, { queue: "raced", idempotency_key: `raced ${nth}` }).request);
  await Promise.all(Array.from({ length: 8 }, (_, nth) => call(world, tenant.api, "create_runs", { requests: nth % 2 === 0 ? keyed : keyed.toReversed() })));
  expect((await world.owner.query("select count(*)::int as count from ops.runs where queue = 'raced'")).rows[0].count).toBe(20);
});

test("a batch names environments by slug, or not at all where the caller sees one; a name that fits none or several is refused for itself", async () => {
  const own = await aTenant(world);
  const { environment_id, ...request } = aRequest(own).request as Record<string, unknown>;
  const places = async (requests: unknown[]) => ((await call(world, own.api, "create_runs", { requests } as RpcArgs<"create_runs">)) as CreateRunsResponse)
    .items.map((item) => (item.ok ? item.run.environment_id : item.error.code));
  expect(await places([request, { ...request, environment: "dev" }, { ...request, environment: "nowhere" }, { ...request, environment_id }])).toEqual([environment_id, environment_id, "not_found", environment_id]);
  await world.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'prod', 'prod')", [own.project_id]);
  expect(await places([request, { ...request, environment: "dev" }])).toEqual(["invalid_input", environment_id]);
});

test("a batch parks what its gates have no room for, and callers with the same gates in any order neither wait in a circle nor pass a limit", async () => {
  const own = await aTenant(world);
  const worker = await anExecutor(world, own);
  await call(world, own.api, "save_cap", { request: { environment_id: own.environment_id, cap_key: "api", unit: "runs", period: "day", limit_amount: "5" } });
  await call(world, own.api, "save_template", { project_id: own.project_id, spec_text: specText(["one"], "narrow").replace('"name"', '"limits":{"max_active":3},"name"') });
  const kinds = [{ concurrency_key: "a", concurrency_limit: 2 }, { template_key: "narrow", spec_text: undefined }, { caps: [{ key: "api" }] }, { concurrency_key: "b", caps: [{ key: "new" }, { key: "api" }] }];
  const batch = (turn: number) => Array.from({ length: 12 }, (_, nth) => aRequest(own, { queue: `q${(turn + nth) % 5}`, spec_text: specText([`p${nth % 3}`]), ...kinds[(turn + nth) % 4] }).request);
  const made = await Promise.all(Array.from({ length: 8 }, (_, turn) => call(world, own.api, "create_runs", { requests: turn % 2 === 0 ? batch(turn) : batch(turn).toReversed() })));
  expect(made.flatMap(({ items }) => items.filter((item) => !item.ok))).toEqual([]);
  const { rows } = await world.owner.query(`select g.kind || ' ' || case g.kind when 'template' then '' else g.key end as gate, count(*) filter (where r.blocked_gate is null)::int as ready
    from ops.runs as r join ops_private.gates as g on g.gate_id = any (r.gate_ids) where r.environment_id = $1 group by 1 order by 1`, [own.environment_id]);
  expect(rows.find(({ gate }) => gate === "concurrency a").ready).toBe(2);
  expect(rows.find(({ gate }) => gate === "template ").ready).toBe(3);
  expect(rows.find(({ gate }) => gate === "cap api").ready).toBe(5);
  expect(await brokenInvariants(world)).toEqual([]);
  const taken = await claimSome(world, worker, { max_runs: 100, queues: ["q0", "q1", "q2", "q3", "q4"] });
  expect(taken).toHaveLength(10);
});

test("a batch of 500 runs for 500 queues is made as one, and wakes who waits at any of them", async () => {
  const requests = Array.from({ length: 500 }, (_, nth) => aRequest(tenant, { queue: `batched_${nth}`, spec_text: specText(["only"]) }).request);
  await call(world, tenant.api, "cancel_run", { run_id: await aRun(world, tenant, { queue: "batched_499" }) });
  await call(world, executor, "claim_runs", { queues: ["batched_499"] }); // waits there
  const { items } = await call(world, tenant.api, "create_runs", { requests });
  expect(items.filter((item) => item.ok && item.created)).toHaveLength(500);
  const { rows } = await world.owner.query("select count(distinct r.lane_id)::int as lanes, bool_and(l.queue = r.queue) as right, bool_or(l.armed) as asleep from ops.runs as r join ops_private.lanes as l using (lane_id) where r.queue like 'batched%'");
  expect(rows[0]).toEqual({ lanes: 500, right: true, asleep: false });
});
