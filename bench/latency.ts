import type { ClaimsResponse } from "../contracts/claim.ts";
import type { Product } from "../scripts/running-product.mjs";
import { type Figure, percentile } from "./figures.ts";
import { anExecutor } from "./throughput.ts";

type Stack = Product["stack"];
interface RunAnswer {
  run_id: string;
  status: string;
  created_at: string;
  started_at: string;
  finished_at: string;
}

export async function ask<T>(stack: Stack, path: string, body?: unknown, token = stack.api_token): Promise<T> {
  const response = await fetch(`${stack.api_url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

export async function runToEnd(stack: Stack, request: unknown, limit_ms = 120_000): Promise<RunAnswer> {
  const { run_id } = await ask<RunAnswer>(stack, "/runs", request);
  const limit = performance.now() + limit_ms;
  for (;;) {
    const run = await ask<RunAnswer>(stack, `/runs/${run_id}`);
    if (["succeeded", "failed", "canceled"].includes(run.status)) {
      if (run.status !== "succeeded") throw new Error(`run ${run_id} ${run.status}`);
      return run;
    }
    if (performance.now() > limit) throw new Error(`run ${run_id} is still ${run.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const seconds = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000;

/** Seconds of each reference pipeline on the S source, by the database's clock; the better of two runs. */
export async function pipelineSeconds(stack: Stack): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const template_key of ["odoo_ingest_bronze", "bronze_to_silver", "silver_to_gold"]) {
    const runs = [await runToEnd(stack, { template_key }), await runToEnd(stack, { template_key })];
    figures.push({ name: `${template_key}, source S`, value: Math.min(...runs.map((run) => seconds(run.created_at, run.finished_at))), unit: "s", target: "< 5" });
  }
  return figures;
}

/** From POST /runs to PHASE_STARTED of its first phase, one run at a time on an idle queue, by the database's clock. */
export async function enqueueToStart(stack: Stack, times: number): Promise<Figure[]> {
  const spec = { version: 1, name: "latency", phases: [{ name: "only", type: "query", config: { sql: "select 1 as one" } }] };
  const waits: number[] = [];
  for (let nth = 0; nth < times; nth += 1) {
    const run = await runToEnd(stack, { spec });
    const { items } = await ask<{ items: { type: string; created_at: string }[] }>(stack, `/runs/${run.run_id}/events`);
    const started = items.find((event) => event.type === "PHASE_STARTED");
    if (started) waits.push(seconds(run.created_at, started.created_at) * 1000);
  }
  return [
    { name: "enqueue to first phase start, p50", value: percentile(waits, 0.5), unit: "ms", target: "< 50" },
    { name: "enqueue to first phase start, p95", value: percentile(waits, 0.95), unit: "ms" },
  ];
}

const warmRuns = 200;

/**
 * From POST /runs to the start of the run, one at a time, taken by an executor that long-polls: until `started_at`, which the
 * claim writes by the database's clock (this machine's), and until the executor has the claim. Beside them, for the machine's
 * share in it, the two things that every call pays: a refusal by the web server alone, and the least call of PostgREST.
 */
export async function enqueueToClaim(stack: Stack, times: number): Promise<Figure[]> {
  const spec = { version: 1, name: "latency", phases: [{ name: "only", type: "query", config: { sql: "select 1 as one" } }] };
  const { token } = await anExecutor(stack.database_url);
  const queue = `bench_${Date.now()}`;
  const now = () => performance.timeOrigin + performance.now();
  const [started, claimed, web, rest]: number[][] = [[], [], [], []];
  const timed = async (into: number[] | undefined, work: () => Promise<unknown>): Promise<void> => {
    const begun = now();
    await work();
    into?.push(now() - begun);
  };
  const end = ({ run, lease_token }: ClaimsResponse["items"][number]) => ask(stack, "/reports", {
    reports: [{ run_id: run.run_id, lease_token, report_id: crypto.randomUUID(), writes: [{ type: "fail", error_code: "done", error_message: "Done.", permanent: true }] }],
  }, token);
  // As in a server that is up for an hour: its first few hundred calls take twice as long.
  for (let nth = 0; nth < warmRuns; nth += 1) {
    await ask(stack, "/runs", { spec, queue });
    for (const item of (await ask<ClaimsResponse>(stack, "/claims", { queues: [queue], start: true, wait_seconds: 25 }, token)).items) await end(item);
  }
  for (let nth = -5; nth < times; nth += 1) {
    const claim = ask<ClaimsResponse>(stack, "/claims", { queues: [queue], start: true, wait_seconds: 25 }, token).then((answer) => ({ answer, at: now() }));
    // The claim has looked and waits; the turns of whatever else runs by the clock are met at random.
    await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 100));
    const sent = now();
    const [, { answer, at }] = await Promise.all([ask(stack, "/runs", { spec, queue }), claim]);
    const [taken] = answer.items;
    if (!taken) throw new Error("a claim waited in vain");
    if (nth >= 0) {
      started?.push(Date.parse(taken.run.started_at as string) - sent);
      claimed?.push(at - sent);
    }
    await end(taken);
    await timed(nth < 0 ? undefined : web, () => fetch(`${stack.api_url}/runs`, { method: "PATCH" }).then((response) => response.text()));
    await timed(nth < 0 ? undefined : rest, () => fetch(`${stack.supabase_url}/rest/v1/rpc/whoami`, { method: "POST", headers: { apikey: stack.publishable_key, "content-profile": "ops", "x-control-room-token": token } }).then((response) => response.text()));
  }
  const pair = (name: string, values: number[] | undefined, p50?: string, p95?: string): Figure[] => [
    { name: `${name}, p50`, value: percentile(values ?? [], 0.5), unit: "ms", ...(p50 ? { target: p50 } : {}) },
    { name: `${name}, p95`, value: percentile(values ?? [], 0.95), unit: "ms", ...(p95 ? { target: p95 } : {}) },
  ];
  return [
    ...pair("enqueue to start, by HTTP", started, "< 15", "< 40"), ...pair("enqueue to the claim in the executor's hands", claimed),
    ...pair("of a refusal by the web server alone", web), ...pair("of the least call of PostgREST", rest),
  ];
}
