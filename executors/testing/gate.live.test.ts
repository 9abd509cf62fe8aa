import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Artifact } from "../../contracts/artifact.ts";
import type { Run } from "../../contracts/run.ts";
import { request } from "../cli/connection.ts";
import { anExecutor, aQueue, ended, eventsOf, firstTenant, openLive, phasesOf, raw, type Live } from "./live.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

// The gate to V1, points 1 to 4, over the three reference pipelines. Points 5 and 6: gate-concurrency and gate-isolation.
const pipelines = ["odoo_ingest_bronze", "bronze_to_silver", "silver_to_gold"] as const;
let live: Live;
let worker: WorkerProcess | undefined;
const runs = new Map<string, Run>();

beforeAll(async () => {
  live = openLive();
  // One after the other: each reads what the one before has published.
  for (const template_key of pipelines) runs.set(template_key, await runOf(template_key, "default"));
}, 180_000);
afterAll(async () => {
  await worker?.kill();
  await live.close();
});

async function runOf(template_key: string, queue: string): Promise<Run> {
  const created = await request(live.api, "create_run", { body: { template_key, queue, max_attempts: 1 } });
  return ended(live.api, created.run_id, 120);
}

async function artifactsOf(run_id: string): Promise<Artifact[]> {
  return (await request(live.api, "list_artifacts", { params: { run_id } })).items;
}

async function verdictOf(a: string, b: string) {
  const { verdict, phases, artifacts } = await request(live.api, "compare_runs", { params: { run_id: a, other_run_id: b } });
  return { verdict, proven: phases.filter((phase) => phase.verdict === "equal").map((phase) => phase.name), unequal: [...phases, ...artifacts].filter((part) => part.verdict !== "equal" && part.verdict !== "not_compared") };
}

test("gate 1: a run of three and more phases is created and completes end to end", async () => {
  for (const template_key of pipelines) {
    const run = runs.get(template_key) as Run;
    expect(run, template_key).toMatchObject({ status: "succeeded", error_code: null, attempt: 1 });
    const phases = await phasesOf(live.api, run.run_id);
    expect(phases.length, template_key).toBeGreaterThanOrEqual(3);
    for (const phase of phases) expect(phase, `${template_key} ${phase.name}`).toMatchObject({ status: "succeeded", output_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(run.output_manifest).toEqual({ phases: Object.fromEntries(phases.map((phase) => [phase.name, phase.output_sha256])) });
  }
});

test("gate 2: every phase emits started, progress and finished, in that order, in a gapless list of events", async () => {
  for (const template_key of pipelines) {
    const { run_id } = runs.get(template_key) as Run;
    const events = await eventsOf(live.api, run_id);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events[0]?.type).toBe("RUN_CREATED");
    expect(events.at(-1)?.type).toBe("RUN_SUCCEEDED");
    expect(new Set(events.map((event) => event.event_id)).size).toBe(events.length);
    for (const { name } of await phasesOf(live.api, run_id)) {
      const types = events.filter((event) => event.phase === name && event.type.startsWith("PHASE_")).map((event) => event.type);
      expect(types.at(0), `${template_key} ${name}`).toBe("PHASE_STARTED");
      expect(types.slice(1, -1).length, `${template_key} ${name}`).toBeGreaterThanOrEqual(1);
      expect(new Set(types.slice(1, -1)), `${template_key} ${name}`).toEqual(new Set(["PHASE_PROGRESS"]));
      expect(types.at(-1), `${template_key} ${name}`).toBe("PHASE_SUCCEEDED");
    }
  }
});

test("gate 3: every artifact's bytes have its SHA-256 at a URL that never changes them", async () => {
  const headers = { authorization: `Bearer ${live.api.token}` };
  let seen = 0;
  for (const template_key of pipelines) {
    for (const artifact of await artifactsOf((runs.get(template_key) as Run).run_id)) {
      const url = new URL(artifact.url, live.stack.app_url);
      const answer = await fetch(url, { headers, signal: AbortSignal.timeout(30_000) });
      const bytes = Buffer.from(await answer.arrayBuffer());
      expect(answer.status, artifact.name).toBe(200);
      expect(createHash("sha256").update(bytes).digest("hex"), artifact.name).toBe(artifact.sha256);
      expect(String(bytes.length), artifact.name).toBe(artifact.byte_size);
      const etag = answer.headers.get("etag") ?? "";
      expect(etag).toContain(artifact.sha256);
      expect(answer.headers.get("cache-control")).toMatch(/private.*immutable/);
      expect((await raw(url.href, { headers: { ...headers, "if-none-match": etag } })).status).toBe(304);

      const part = await fetch(url, { headers: { ...headers, range: "bytes=1-4" }, signal: AbortSignal.timeout(30_000) });
      expect(part.status).toBe(206);
      expect(part.headers.get("content-range")).toBe(`bytes 1-4/${artifact.byte_size}`);
      expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(1, 5));
      const past = await raw(url.href, { headers: { ...headers, range: `bytes=${artifact.byte_size}-` } });
      expect(past).toMatchObject({ status: 416, body: { code: "range_not_satisfiable" } });
      expect((await raw(url.href)).status, "nobody reads it without being asked who they are").toBe(401);
      seen += 1;
    }
  }
  expect(seen).toBeGreaterThan(10);
  // Immutable in the database too: not even the owner of the tables can change what a URL answers.
  const [artifact] = await artifactsOf((runs.get("silver_to_gold") as Run).run_id);
  await expect(live.sql("update ops.run_artifacts set sha256 = repeat('0', 64) where artifact_id = $1", [artifact?.artifact_id])).rejects.toThrow();
}, 120_000);

test("gate 4: the same definition gives the same hashes again, on another worker with other threads, and in a verification", async () => {
  const queue = aQueue();
  const tenant = await firstTenant(live);
  const odoo = new URL(live.stack.database_url);
  odoo.pathname = "/odoo_demo";
  worker = startWorker(live, {
    token: (await anExecutor(live, tenant)).token, queue,
    env: { EXECUTOR_THREADS: "1", EXECUTOR_PHASE_PARALLELISM: "1", LEASE_SECONDS: "10", CONTROL_ROOM_CONNECTION_ODOO: process.env["CONTROL_ROOM_CONNECTION_ODOO"] ?? odoo.href },
  });
  for (const template_key of pipelines) {
    const first = runs.get(template_key) as Run;
    const phases = (await phasesOf(live.api, first.run_id)).map((phase) => phase.name);

    const elsewhere = await runOf(template_key, queue);
    expect(elsewhere, template_key).toMatchObject({ status: "succeeded", error_code: null });
    expect(elsewhere.executor_id).not.toBe(first.executor_id);
    expect(elsewhere.spec_sha256).toBe(first.spec_sha256);
    expect(await verdictOf(first.run_id, elsewhere.run_id), template_key).toEqual({ verdict: "equal", proven: phases, unequal: [] });

    const again = await request(live.api, "retry_run", { params: { run_id: first.run_id }, body: { mode: "all" } });
    expect(await ended(live.api, again.run_id), template_key).toMatchObject({ status: "succeeded", repairs_run_id: first.run_id });
    expect(await verdictOf(first.run_id, again.run_id), template_key).toEqual({ verdict: "equal", proven: phases, unequal: [] });

    const before = await live.sql("select dataset_id, max(version) as version from ops.dataset_versions where environment_id = $1 group by 1 order by 1", [tenant.environment_id]);
    const verification = await request(live.api, "retry_run", { params: { run_id: first.run_id }, body: { mode: "verify" } });
    expect(await ended(live.api, verification.run_id), template_key).toMatchObject({ status: "succeeded", isolated: true, trigger: "verify" });
    expect(await verdictOf(first.run_id, verification.run_id), template_key).toMatchObject({ verdict: "equal", unequal: [] });
    expect(await request(live.api, "get_verification", { params: { run_id: first.run_id } }), template_key).toMatchObject({ verification_run_id: verification.run_id, verdict: "equal", report: { differences: [], facts: [] } });
    expect(await live.sql("select dataset_id, max(version) as version from ops.dataset_versions where environment_id = $1 group by 1 order by 1", [tenant.environment_id]), "a verification publishes nothing").toEqual(before);
  }
}, 300_000);
