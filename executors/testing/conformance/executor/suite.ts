import { randomBytes } from "node:crypto";
import { request } from "../../../cli/connection.ts";
import { httpTransport } from "../../../core/http-transport.ts";
import type { Run } from "../../../../contracts/run.ts";
import { isTerminal } from "../../../../contracts/words.ts";
import { isRecord, list } from "../calls.ts";
import { startProxy, type Proxy } from "../proxy.ts";
import { reportOf, type Finding, type Report } from "../report.ts";
import { badToken } from "./bad-token.ts";
import { canceledRun } from "./cancel.ts";
import { startExecutor, type ExecutorProcess } from "./executor-process.ts";
import { failures } from "./failures.ts";
import { heldUpload } from "./held-upload.ts";
import { lostAnswers } from "./lost-answers.ts";
import { lostLease } from "./lost-lease.ts";
import { refusals } from "./refusals.ts";
import { NotReached, type Scenario, type Seen, type Stage } from "./scenario.ts";
import { terminated } from "./sigterm.ts";
import { wholeRun } from "./whole-run.ts";

/** The long ones first: they are played side by side. */
export const scenarios: readonly Scenario[] = [refusals, heldUpload, lostLease, wholeRun, lostAnswers, failures, terminated, canceledRun, badToken];

export interface ExecutorTarget {
  /** A control plane that works; it is itself not under test. */
  url: string;
  /** PostgREST's place, where the executor speaks RPC: it gets SUPABASE_URL with the proxy's address. */
  rest_url?: string;
  /** Of an operator of the environment in which the runs are made. */
  api_token: string;
  executor_token: string;
  environment?: string;
  /** More variables for the executor, for example SUPABASE_PUBLISHABLE_KEY. */
  settings?: Record<string, string>;
  /** More of each query phase's config, for example the engine and the connection that answer. */
  query_config?: Record<string, unknown>;
  /** Of the scenarios that wait for leases to end. Default 2. */
  lease_seconds?: number;
  /** Scenarios at once. Default 4. */
  parallel?: number;
  /** Only those with one of these rules. */
  only?: readonly string[];
}

/** Starts the command once for each scenario, each on a queue of its own, and grades what it does. Never rejects for what the executor does. */
export async function gradeExecutor(command: readonly string[], target: ExecutorTarget): Promise<Report> {
  const began = performance.now();
  const chosen = scenarios.filter(({ rules }) => target.only === undefined || target.only.some((id) => id in rules));
  const findings = new Map<Scenario, Finding[]>();
  const left = [...chosen];
  await Promise.all(Array.from({ length: target.parallel ?? 4 }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) findings.set(next, await play(next, command, target));
  }));
  return reportOf(`executor ${command.join(" ")}`, chosen.flatMap((each) => findings.get(each) ?? []), (performance.now() - began) / 1000);
}

async function play(scenario: Scenario, command: readonly string[], target: ExecutorTarget): Promise<Finding[]> {
  const api = { url: target.url, token: target.api_token };
  const queue = `conformance_${randomBytes(6).toString("hex")}`;
  const lease_seconds = scenario.short_lease === true ? (target.lease_seconds ?? 2) : 30;
  const made: Run[] = [];
  const started: { executor: ExecutorProcess; proxy: Proxy }[] = [];
  const stage: Stage = {
    lease_seconds, queue, api, two_beats_ms: (lease_seconds * 2000) / 3 + 2000, plane: httpTransport({ url: target.url, token: target.executor_token }),
    async createRun(spec, more = {}) {
      const phases = list(spec["phases"]).map((phase) => ({ ...phase, config: { ...(isRecord(phase["config"]) ? phase["config"] : {}), ...target.query_config } }));
      const run = await request(api, "create_run", { body: { spec: { ...spec, phases }, queue, ...(target.environment === undefined ? {} : { environment: target.environment }), ...more } });
      made.push(run);
      return run;
    },
    async start(intercept, settings = {}) {
      const proxy = await startProxy(target, intercept);
      const executor = startExecutor(command, {
        CONTROL_ROOM_URL: proxy.url, CONTROL_ROOM_TOKEN: target.executor_token, EXECUTOR_QUEUES: queue, EXECUTOR_SLOTS: "1", EXECUTOR_DRAIN_SECONDS: "0", LEASE_SECONDS: String(lease_seconds),
        ...(target.rest_url === undefined ? {} : { SUPABASE_URL: proxy.url }), ...target.settings, ...settings,
      }, () => proxy.changed());
      started.push({ executor, proxy });
      return {
        proxy, executor,
        async reach(what, holds, limitSeconds = 20) {
          await proxy.until(() => holds() || executor.ended() !== null, limitSeconds);
          if (!holds()) throw new NotReached(what);
        },
      };
    },
  };
  const rules = Object.entries(scenario.rules).map(([id, rule]) => ({ id, ...rule }));
  try {
    const observed = await scenario.play(stage);
    return rules.map((rule): Finding => {
      const { seen, wrong, skipped }: Seen = observed[rule.id] ?? { seen: "", wrong: ["it was not looked at"] };
      return { ...rule, verdict: wrong.length > 0 ? "failed" : skipped ? "skipped" : "passed", seen: wrong.length > 0 ? wrong.join("; ") : seen };
    });
  } catch (error) {
    if (!(error instanceof NotReached)) throw error;
    const said = started.at(-1)?.executor.log().trim().slice(-600) ?? "";
    return rules.map((rule) => ({ ...rule, verdict: "failed", seen: `${error.message}${said === "" ? "" : `; the executor said: ${said}`}` }));
  } finally {
    for (const { executor, proxy } of started) {
      await executor.kill();
      await proxy.close();
    }
    await Promise.all(made.map(async ({ run_id }) => {
      // Leaves nothing queued; what has ended meanwhile needs nothing.
      if (!isTerminal((await request(api, "get_run", { params: { run_id } })).status)) await request(api, "cancel_run", { params: { run_id } }).catch(() => undefined);
    }));
  }
}
