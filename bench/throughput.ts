import { createHash, randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import type { ClaimsResponse } from "../contracts/claim.ts";
import type { ReportsResponse, RunReport } from "../contracts/report.ts";
import type { CreatedRunIds } from "../contracts/run.ts";
import type { Product } from "../scripts/running-product.mjs";
import type { Figure } from "./figures.ts";
import { graphileWorkerRate } from "./graphile-worker.ts";
import { processorSeconds } from "./processor.ts";

type Stack = Product["stack"];
const batch = 100;
const callersAtOnce = 4;
const warmSeconds = 8;
const spec = { version: 1, name: "no_op", phases: [{ name: "only", type: "query", config: { sql: "select 1" } }] };
const outputSha256 = createHash("sha256").update("nothing").digest("hex");

/** The three calls of a batch, through one door. */
interface Door {
  /** With `key` the same runs each time. */
  create(queue: string, key?: string): Promise<CreatedRunIds>;
  claim(queue: string): Promise<ClaimsResponse>;
  report(reports: RunReport[]): Promise<ReportsResponse>;
}

async function post<T>(url: string, headers: Record<string, string>, body: unknown): Promise<T> {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body), signal: AbortSignal.timeout(60_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 1000)}`);
  return (text === "" ? { items: [], again: false, retry_after_ms: 0 } : JSON.parse(text)) as T;
}

const batchOf = <T extends object>(request: T, key?: string) => Array.from({ length: batch }, (_, nth) => (key === undefined ? request : { ...request, idempotency_key: `${key}_${nth}` }));

function rpcDoor(stack: Stack, environment_id: string, executorToken: string): Door {
  const call = <T>(name: string, token: string, body: unknown): Promise<T> =>
    post<T>(`${stack.postgrest_url}/rpc/${name}`, { apikey: stack.publishable_key, "content-profile": "ops", "x-control-room-token": token }, body);
  const request = { environment_id, spec_text: JSON.stringify(spec), parameters: {}, priority: 100, labels: [], max_attempts: 3, trigger: "api" };
  return {
    create: (queue, key) => call("create_runs", stack.api_token, { requests: batchOf({ ...request, queue }, key), ids_only: true }),
    claim: (queue) => call("claim_runs", executorToken, { max_runs: batch, queues: [queue], start: true, share_specs: true }),
    report: (reports) => call("report_runs", executorToken, { reports }),
  };
}
function httpDoor(stack: Stack, executorToken: string): Door {
  const call = <T>(path: string, token: string, body: unknown): Promise<T> => post<T>(`${stack.api_url}${path}`, { authorization: `Bearer ${token}` }, body);
  return {
    create: (queue, key) => call("/runs/batch", stack.api_token, { runs: batchOf({ spec, queue }, key), ids_only: true }),
    claim: (queue) => call("/claims", executorToken, { max_runs: batch, queues: [queue], start: true, share_specs: true }),
    report: (reports) => call("/reports", executorToken, { reports }),
  };
}

/** What an executor says of a run that does nothing: its phase with three events, and its end. */
function reportOf({ run, lease_token }: { run: { run_id: string }; lease_token: string }): RunReport {
  return {
    run_id: run.run_id, lease_token, report_id: randomUUID(),
    writes: [
      { type: "phase", name: "only", patch: { status: "running" } },
      { type: "events", events: [{ event_id: randomUUID(), type: "PHASE_PROGRESS", phase: "only", message: "only is done." }] },
      { type: "phase", name: "only", patch: { status: "succeeded", output_sha256: outputSha256 } },
      { type: "complete", output_manifest: { phases: { only: outputSha256 } } },
    ],
  };
}

/** So many callers, one call after another, for so long. */
async function callersFor(seconds: number, turn: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + seconds * 1000;
  await Promise.all(Array.from({ length: callersAtOnce }, async () => { while (performance.now() < end) await turn(); }));
}

/**
 * A web server's first hundred batches take three times as long as its later ones: compilers are at work, in threads of their own. So the door is
 * used as it will be, by calls that leave nothing behind: runs that are there by their keys, claims of an empty queue, reports of what is not held.
 */
async function warmUp(door: Door, queue: string): Promise<void> {
  const nobody = Array.from({ length: batch }, () => reportOf({ run: { run_id: randomUUID() }, lease_token: randomUUID() }));
  await callersFor(warmSeconds, async () => {
    await door.create(`${queue}_kept`, queue);
    await door.claim(`${queue}_empty`);
    await door.report(nobody);
  });
}

/**
 * Whole runs a second, and the milliseconds of processor time that each took of the product and its callers, which says
 * the same on a busy machine: each caller creates a batch, claims one, reports it, for so many seconds, once all are warm.
 */
async function wholeRuns(door: Door, pid: number, seconds: number): Promise<{ rate: number; cost: number }> {
  const queue = `bench_${randomBytes(4).toString("hex")}`;
  let done = 0;
  const turn = async (): Promise<void> => {
    const made = await door.create(queue);
    if (!made.items.every(({ ok }) => ok)) throw new Error(`a run was not created: ${JSON.stringify(made.items.find(({ ok }) => !ok))}`);
    for (let left = batch; left > 0; ) {
      const { items } = await door.claim(queue);
      // Others may have taken ours; they have left as many.
      if (items.length === 0) return;
      const answers = await door.report(items.map(reportOf));
      if (!answers.items.every(({ ok }) => ok)) throw new Error(`a report was refused: ${JSON.stringify(answers.items.find(({ ok }) => !ok))}`);
      done += items.length;
      left -= items.length;
    }
  };
  await warmUp(door, queue);
  for (let warm = 0; warm < 3; warm += 1) await Promise.all(Array.from({ length: callersAtOnce }, turn));
  done = 0;
  const spent = () => processorSeconds(pid) + process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
  const before = spent();
  const began = performance.now();
  await callersFor(seconds, turn);
  return { rate: done / ((performance.now() - began) / 1000), cost: ((spent() - before) * 1000) / done };
}

/** An executor of its own: the resident worker's token would serve two queues in turn. */
export async function anExecutor(database_url: string): Promise<{ token: string; environment_id: string }> {
  const client = new pg.Client({ connectionString: database_url });
  await client.connect();
  try {
    const token = `lcx_${randomBytes(32).toString("base64url")}`;
    const { rows: [row] } = await client.query(`
      with place as (select environment_id, project_id from ops.environments order by created_at limit 1),
        executor as (insert into ops.executors (project_id, name) select project_id, $1 from place returning executor_id),
        serves as (insert into ops.executor_environments (executor_id, environment_id) select executor_id, environment_id from executor, place),
        token as (insert into ops.executor_tokens (executor_id, prefix, token_sha256, expires_at) select executor_id, $2, $3, now() + interval '1 hour' from executor)
      select environment_id from place`, [`bench ${token.slice(4, 12)}`, token.slice(0, 12), createHash("sha256").update(token).digest()]);
    return { token, environment_id: row.environment_id };
  } finally {
    await client.end();
  }
}

/** Whole no-op runs a second through both doors, with batches of 100, beside graphile-worker's drain rate on the same Postgres. */
export async function throughput({ stack, pid }: Product, scale: "small" | "full"): Promise<Figure[]> {
  const seconds = scale === "full" ? 30 : 6;
  const { token, environment_id } = await anExecutor(stack.database_url);
  const yardstick = await graphileWorkerRate(stack.database_url, scale === "full" ? 20_000 : 3_000);
  const rpc = await wholeRuns(rpcDoor(stack, environment_id, token), pid, seconds);
  const http = await wholeRuns(httpDoor(stack, token), pid, seconds);
  return [
    ...(yardstick === null ? [] : [{ name: "graphile-worker 0.18 drains, package defaults", value: yardstick, unit: "jobs/s" }]),
    { name: "whole no-op runs through PostgREST, batches of 100", value: rpc.rate, unit: "runs/s" },
    { name: "its processor time, all processes and the caller", value: rpc.cost, unit: "ms a run" },
    ...(yardstick === null ? [] : [{ name: "ratio to graphile-worker", value: rpc.rate / yardstick, unit: "×", target: ">= 2.5" }]),
    { name: "whole no-op runs through /api/v1, batches of 100", value: http.rate, unit: "runs/s" },
    { name: "its processor time through /api/v1", value: http.cost, unit: "ms a run" },
    { name: "ratio of /api/v1 to PostgREST", value: http.rate / rpc.rate, unit: "×", target: ">= 0.8" },
  ];
}
