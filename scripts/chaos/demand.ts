/** What people and programs ask for during a storm: runs, cancels and retries, some of them twice, all until they are answered. */
import { randomUUID } from "node:crypto";
import type { Tenant } from "../../executors/testing/live.ts";
import { idleSpec, tableSpec } from "../../executors/testing/specs.ts";
import { backoffMs, sleep } from "../../executors/core/backoff.ts";
import { between, pick, type Random } from "./random.ts";

/** What was acknowledged: from then on it may not be lost. */
export interface Acknowledged {
  /** run_id → whether a worker has to write its table, and the most of its key that may run at once. */
  runs: Map<string, { table: string | null }>;
  /** Runs of which somebody was told that they are, or will be, canceled. */
  canceled: Set<string>;
  /** Answers that no order of events explains. */
  wrong: string[];
  requests: number;
  repeated: number;
}
export interface Answer {
  status: number;
  body: Record<string, unknown>;
}
export type Send = (method: "GET" | "POST" | "PATCH", path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
export interface DemandOptions {
  tenant: Tenant;
  queues: { light: string; worker: string };
  random: Random;
  /** Runs for light executors a second, and runs that write a table. */
  rate: number;
  tables_per_second: number;
  /** Of runs for light executors, those that share a concurrency key, and those that share a cap. */
  keyed: number;
  capped: number;
  send: Send;
  signal: AbortSignal;
}

export const concurrencyLimit = 2;
/** Attempts that the cap allows until calm comes, when it is raised. */
const capLimit = 5;
/** Callers that wait for an answer at once. With no such limit an outage ends in a queue whose every request is too late. */
const mostAtOnce = 16;

export function sendTo(tenant: Tenant): Send {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${tenant.api.url}/api/v1${path}`, {
      method, signal: AbortSignal.timeout(8000),
      headers: { authorization: `Bearer ${tenant.api.token}`, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  };
}

/** Asks until `signal` aborts, then until everything that was begun is answered. */
export async function makeDemand(options: DemandOptions): Promise<Acknowledged> {
  const { random, signal, queues } = options;
  const known: Acknowledged = { runs: new Map(), canceled: new Set(), wrong: [], requests: 0, repeated: 0 };
  const underWay = new Set<Promise<void>>();
  const cap = await answered("POST", "/caps", { cap_key: "chaos", unit: "runs", period: "month", limit_amount: String(capLimit) });
  const begun = performance.now();
  let light = 0;
  let tables = 0;
  while (!signal.aborted) {
    const seconds = (performance.now() - begun) / 1000;
    if (tables < seconds * options.tables_per_second) {
      tables += 1;
      start(askForTable(`chaos_${tables}`));
    }
    if (light < seconds * options.rate && underWay.size < mostAtOnce) {
      light += 1;
      start(askForLight());
    }
    await sleep(20);
  }
  await Promise.all(underWay);
  const { body } = await answered("GET", `/caps/${String(cap.body["cap_id"])}`);
  if (!(Number(body["used"]) + Number(body["reserved"]) <= capLimit)) known.wrong.push(`over limit: a cap of ${capLimit} runs, used by ${String(body["used"])} and reserved by ${String(body["reserved"])}`);
  await answered("PATCH", `/caps/${String(cap.body["cap_id"])}`, { limit_amount: "1000000" });
  return known;

  function start(asking: Promise<void>): void {
    const settled: Promise<void> = asking.finally(() => underWay.delete(settled));
    underWay.add(settled);
  }
  async function askForTable(table: string): Promise<void> {
    const run_id = await create({ queue: queues.worker, max_attempts: 100, spec: tableSpec(`silver.${table}`, "select 1 as id", { mode: "append" }) });
    known.runs.set(run_id, { table });
  }
  async function askForLight(): Promise<void> {
    const phases = pick(random, [["only"], ["only"], ["first", "second"], ["first", "second", "third"]]);
    const run_id = await create({
      queue: queues.light, max_attempts: 100, priority: Math.floor(random() * 200), spec: idleSpec(phases, `of_${phases.length}`),
      ...(random() < options.keyed ? { concurrency_key: pick(random, ["a", "b"]), concurrency_limit: concurrencyLimit } : {}),
      ...(random() < options.capped ? { caps: [{ key: "chaos" }] } : {}),
    });
    known.runs.set(run_id, { table: null });
    const then = random();
    await sleep(between(random, 0, 2000));
    if (then < 0.1) await cancel(run_id);
    else if (then < 0.2) await again(run_id);
  }

  async function create(body: Record<string, unknown>): Promise<string> {
    const key = randomUUID();
    const once = (): Promise<Answer> => answered("POST", "/runs", body, { "idempotency-key": key });
    const answers = random() < 0.2 ? await Promise.all([once(), once()]) : [await once()];
    if (random() < 0.1) answers.push(await once());
    const ids = new Set(answers.map((answer) => String(answer.body["run_id"])));
    if (ids.size !== 1 || answers.some((answer) => answer.status > 201)) known.wrong.push(`one Idempotency-Key was answered ${JSON.stringify(answers.map(({ status, body }) => [status, body["run_id"] ?? body["code"]]))}`);
    known.repeated += answers.length - 1;
    return String(answers[0]?.body["run_id"]);
  }
  async function cancel(run_id: string): Promise<void> {
    const answer = await answered("POST", `/runs/${run_id}/cancel`, { reason: "chaos" });
    if (answer.status === 200) known.canceled.add(run_id);
    else if (answer.body["code"] !== "run_finished") known.wrong.push(`cancel of ${run_id} was answered ${answer.status} ${String(answer.body["code"])}`);
  }
  async function again(run_id: string): Promise<void> {
    const key = randomUUID();
    const answer = await answered("POST", `/runs/${run_id}/retry`, { mode: "all" }, { "idempotency-key": key });
    if (answer.status === 201) known.runs.set(String(answer.body["run_id"]), { table: null });
    else if (answer.body["code"] !== "illegal_transition") known.wrong.push(`retry of ${run_id} was answered ${answer.status} ${String(answer.body["code"])}`);
  }

  /** Repeats on silence, broken connections and 5xx, as every caller of the contract may: the answer that counts is the first. */
  async function answered(method: Parameters<Send>[0], path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      known.requests += 1;
      if (attempt > 1) known.repeated += 1;
      try {
        const answer = await options.send(method, path, body, headers);
        if (answer.status === 500) known.wrong.push(`${method} ${path.replace(/[0-9a-f-]{36}/, "…")} was answered 500`);
        if (answer.status < 500 && answer.status !== 429) return answer;
      } catch (error) {
        if (attempt > 100) throw error;
      }
      await sleep(50 + backoffMs(attempt, { base_ms: 100, cap_ms: 1000 }, random));
    }
  }
}
