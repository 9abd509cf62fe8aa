import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import { checkSpec } from "../../contracts/check-spec.ts";
import { runLoop } from "../../executors/core/loop.ts";
import { rpcTransport } from "../../executors/core/rpc-transport.ts";
import { registry } from "../../executors/phases/registry.ts";
import { openScratch, type DiskScratch } from "../../executors/storage/scratch.ts";
import { openRestDoor, type RestDoor } from "./support/rest-door.ts";
import { aClaim, aRun, aTenant, anExecutor, brokenInvariants, call, cronSecret, openWorld, refusal, specText, statusOf, type World } from "./world.ts";

let world: World;
let door: RestDoor;
let folder: string;
let scratch: DiskScratch;
beforeAll(async () => {
  world = await openWorld();
  door = await openRestDoor(world);
  folder = mkdtempSync(join(tmpdir(), "child-runs-"));
  scratch = await openScratch(folder);
});
afterAll(async () => {
  await door?.close();
  await world?.drop();
  rmSync(folder, { recursive: true, force: true });
});
const settle = () => call(world, { token: cronSecret }, "settle_children", {});

const pipeline = `version: 1
name: fanned
parameters: { type: object, properties: { part: { type: integer }, parts: { type: array, items: { type: integer }, default: [1, 2, 3] } } }
phases:
  - { name: base, type: transform, config: { tables: [{ name: silver.base, key: [n], sql: "select range as n from range(30)" }] } }
  - name: parts
    type: transform
    depends_on: [base]
    for_each: { parameter: part, items_from: parts, max_active: 2 }
    config: { inputs: [silver.base], tables: [{ name: gold.parts, key: [n], sql: "select n, getvariable('part')::int as part from silver.base where n % 3 = getvariable('part')::int - 1" }] }
  - { name: check, type: validate, depends_on: [parts] }
  - { name: publish, type: publish, depends_on: [check] }
quality:
  - { dataset: gold.parts, check: row_count, min: 30, max: 30 }
  - { dataset: gold.parts, check: unique, columns: [n] }
`;

test("a table that is made in parts is published as one, and a verification, children included, gives equal hashes", async () => {
  const tenant = await aTenant(world);
  const { token } = await anExecutor(world, tenant);
  const run_id = await aRun(world, tenant, { spec_text: checkSpec(pipeline).spec_text ?? "", parameters: { parts: [1, 2, 3] } });
  const stop = new AbortController();
  const lines: string[] = [];
  const loop = runLoop({
    controlPlane: rpcTransport({ url: door.url, token, supabase_url: door.url, publishable_key: "unused" }), registry, scratch, signal: stop.signal,
    log: (level, message, facts) => void lines.push(`${level} ${message} ${JSON.stringify(facts)}`),
    settings: { lake: pathToFileURL(join(folder, "lake")).href, engines: ["duckdb"], lease_seconds: 30, queues: ["default"], labels: [], slots: 1, phase_parallelism: 2, memory_mb: 512, threads: 1, drain_seconds: 5, connections: new Map() },
  });
  const toEnd = (id: string) => vi.waitUntil(async () => {
    await settle();
    return ["succeeded", "failed", "canceled"].includes(await statusOf(world, id));
  }, { timeout: 60_000, interval: 100 }).catch((error: unknown) => { throw new Error(lines.join("\n"), { cause: error }); });
  await toEnd(run_id);
  const verify = await call(world, tenant.api, "retry_run", { run_id, mode: "verify" });
  await toEnd(verify.run_id);
  stop.abort();
  await loop;
  const phases = async (of: string) => (await world.owner.query("select name, status, output_sha256 from ops.run_phases where run_id = $1 and name <> 'publish' order by position", [of])).rows;
  expect((await phases(run_id)).map((phase) => phase.status)).toEqual(["succeeded", "succeeded", "succeeded"]);
  expect(await phases(verify.run_id)).toEqual(await phases(run_id));
  const { rows } = await world.owner.query("select name, row_count, run_id from ops.dataset_list where environment_id = $1 order by name", [tenant.environment_id]);
  expect(rows).toEqual([{ name: "gold.parts", row_count: "30", run_id }, { name: "silver.base", row_count: "30", run_id }]);
  expect((await world.owner.query("select count(*)::int as n from ops.runs where parent_run_id = any ($1) and status = 'succeeded'", [[run_id, verify.run_id]])).rows).toEqual([{ n: 6 }]);
  expect(await brokenInvariants(world)).toEqual([]);
});

const children = ["a", "b", "c"].map((key) => ({ key, parameters: { part: key } }));
/** The canonical text of a spec whose one phase fans out over a, b and c. */
const fannedText = (): string => canonicalJson({ version: 1, name: "fanned", phases: [{ name: "work", type: "query", depends_on: [], for_each: { parameter: "part", items: ["a", "b", "c"] }, config: { sql: "select 1" } }] });
async function aParent(concurrency_key?: string) {
  const tenant = await aTenant(world);
  const executor = await anExecutor(world, tenant);
  const run_id = await aRun(world, tenant, { spec_text: fannedText(), ...(concurrency_key === undefined ? {} : { concurrency_key }) });
  const { lease } = await aClaim(world, executor, { run_id });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "set_phase", { ...lease, name: "work", patch: { status: "running" } });
  const fan = () => call(world, executor, "create_children", { ...lease, phase: "work", spec_text: specText(["work"]), children, max_active: 2 });
  return { tenant, executor, run_id, lease, fan };
}

test("an item has one child, however often and by however many it is asked for", async () => {
  const { run_id, fan } = await aParent("one at a time"); // the parent's own limit does not hold its children up
  const answers = await Promise.all(Array.from({ length: 8 }, fan));
  for (const answer of answers) expect(answer.items.map(({ run_id: id }) => id)).toEqual(answers[0]?.items.map(({ run_id: id }) => id));
  const { rows } = await world.owner.query("select child_key, (blocked_gate is not null) as parked from ops.runs where parent_run_id = $1 order by run_id", [run_id]);
  expect(rows).toEqual([{ child_key: "a", parked: false }, { child_key: "b", parked: false }, { child_key: "c", parked: true }]);
});

test("a parent that waits holds no lease and no attempt, and goes on when the last child has ended, whoever ends at the same moment", async () => {
  for (let round = 0; round < 5; round++) {
    const { executor, run_id, lease, fan } = await aParent();
    const items = (await fan()).items;
    const claims: Awaited<ReturnType<typeof aClaim>>[] = [];
    for (const { run_id: child } of items.slice(0, 2)) claims.push(await aClaim(world, executor, { run_id: child }));
    const end = async ({ lease: held }: (typeof claims)[number]): Promise<void> => void (await call(world, executor, "fail_run", { ...held, error_code: "sql_error", error_message: "no", permanent: true }));
    await Promise.all([call(world, executor, "wait_for_children", lease), ...claims.map(end)]);
    expect((await world.owner.query("select status, attempt, not_before::text, queue_reason from ops.runs where run_id = $1", [run_id])).rows).toEqual([{ status: "queued", attempt: 0, not_before: "infinity", queue_reason: "waiting for child runs" }]);
    await end(await aClaim(world, executor, { run_id: items[2]?.run_id ?? "" }));
    await settle();
    expect((await fan().catch((error: unknown) => (error as Error).message))).toBe("lease_lost");
    const again = await aClaim(world, executor, { run_id });
    expect(again.attempt).toBe(1);
  }
});

test("children of a run that ended are ended by the scheduler, once", async () => {
  const { executor, run_id, lease, fan } = await aParent();
  const [first] = (await fan()).items;
  await aClaim(world, executor, { run_id: first?.run_id ?? "" });
  await call(world, executor, "fail_run", { ...lease, error_code: "sql_error", error_message: "no", permanent: true });
  await Promise.all([settle(), settle(), settle()]);
  const { rows } = await world.owner.query("select status, cancel_requested_at is not null as asked from ops.runs where parent_run_id = $1 order by child_key", [run_id]);
  expect(rows).toEqual([{ status: "claimed", asked: true }, { status: "canceled", asked: true }, { status: "canceled", asked: true }]);
  expect(await brokenInvariants(world)).toEqual([]);
});

test("a child has no children, and a fan-out names its items once", async () => {
  const { executor, lease, fan } = await aParent();
  const [first] = (await fan()).items;
  const child = await aClaim(world, executor, { run_id: first?.run_id ?? "" });
  await call(world, executor, "start_run", child.lease);
  await call(world, executor, "set_phase", { ...child.lease, name: "work", patch: { status: "running" } });
  const ask = (held: typeof lease, items: typeof children) => refusal(call(world, executor, "create_children", { ...held, phase: "work", spec_text: specText(["work"]), children: items }));
  expect((await ask(child.lease, children)).code).toBe("illegal_transition");
  expect((await ask(lease, [...children, ...children])).code).toBe("invalid_input");
  expect((await ask(lease, [])).code).toBe("invalid_input");
});
