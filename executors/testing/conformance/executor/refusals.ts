import { problemAnswer, type Exchange } from "../proxy.ts";
import { getRun, querySpec, scenario, seen } from "./scenario.ts";
import { gaps, isClaim, isEnd, seconds, steps } from "./trace.ts";

const emptyMs = 2_500;
const refusedMs = 1_500;

/** An empty queue that answers at once, then a control plane that is too busy, then one that says when to come back. */
export const refusals = scenario({
  name: "an empty queue and a busy control plane",
  rules: {
    idle_pace: { must: "an empty queue that answers at once is not asked in a tight loop (at most 8 times a second)", because: "idle executors must cost next to nothing" },
    idle_jitter: { must: "its pauses on an empty queue vary", because: "a hundred executors that were started together would ask in one wave for ever" },
    backs_off: { must: "it backs off when claims are refused with 503 (at most 8 times a second)", because: "a control plane that comes back would be knocked over again" },
    retry_after: { must: "Retry-After is honoured, in a claim and in a write", because: "the control plane knows when it has room" },
    survives_refusals: { must: "it goes on after refusals and executes the run in its first attempt", because: "a 503 is no reason to fail a run" },
  },
  async play(stage) {
    const run = await stage.createRun(querySpec({ only: [] }));
    let begun: number | undefined;
    const asked: Exchange[] = [];
    const { proxy, reach } = await stage.start(async (exchange, forward) => {
      const claim = isClaim(exchange);
      if (claim) begun ??= exchange.at;
      const since = begun === undefined ? 0 : exchange.at - begun;
      const busy = asked[0] === undefined ? 0 : exchange.at - asked[0].at;
      if (claim && since < emptyMs) {
        exchange.fault = "empty";
        return exchange.path.includes("/rpc/") ? { status: 200, headers: { "content-type": "application/json" }, body: Buffer.from('{"items":[],"again":false,"retry_after_ms":500}') } : { status: 204, headers: {}, body: Buffer.alloc(0) };
      }
      if ((claim && asked.length === 0) || (exchange.calls.some(({ op }) => op === "set_phase") && asked.length === 1)) {
        asked.push(exchange);
        exchange.fault = "Retry-After";
        return claim ? problemAnswer(429, "rate_limited", { "retry-after": "2" }) : problemAnswer(503, "database_unavailable", { "retry-after": "1" });
      }
      if (claim && busy < 2_000 + refusedMs) {
        exchange.fault = "refused";
        return problemAnswer(503, "database_unavailable");
      }
      return forward();
    });
    await reach("the executor asks for work", () => begun !== undefined);
    await reach("the run is ended", () => steps(proxy.record).some((step) => isEnd(step) && step.exchange.answered_at !== null), 40);
    const after = await getRun(stage.api, run.run_id);
    const empty = proxy.record.filter(({ fault }) => fault === "empty");
    const refused = proxy.record.filter(({ fault }) => fault === "refused");
    const pauses = gaps(empty.map(({ at }) => at));
    const spread = pauses.length === 0 ? 0 : (Math.max(...pauses) - Math.min(...pauses)) / Math.max(...pauses);
    const early = asked.map((exchange, index) => {
      const due = (exchange.answered_at ?? exchange.at) + [2_000, 1_000][index]!;
      const next = proxy.record.find((later) => later.at > exchange.at && later.path === exchange.path && later.method === exchange.method);
      return next !== undefined && next.at < due - 100 && `${exchange.calls[0]?.op ?? "it"} came back ${seconds(due - next.at)} too early`;
    });
    return {
      idle_pace: seen(`${empty.length} claims in ${seconds(emptyMs)}`, empty.length > (8 * emptyMs) / 1000 && `${empty.length} claims in ${seconds(emptyMs)} on an empty queue`),
      idle_jitter: seen(pauses.length < 3 ? `${pauses.length} pauses: too few for a wave` : `pauses vary by ${Math.round(spread * 100)} %`, pauses.length >= 3 && spread < 0.03 && `${pauses.length} pauses, all of ${seconds(pauses[0] ?? 0)}`),
      backs_off: seen(`${refused.length} claims in ${seconds(refusedMs)}`, refused.length > (8 * refusedMs) / 1000 && `${refused.length} claims in ${seconds(refusedMs)} while it was refused`),
      retry_after: seen(`waited out ${asked.length} times`, ...early, asked.length < 2 && "it never came back to be asked to wait"),
      survives_refusals: seen(`succeeded in attempt ${after.attempt}`, (after.status !== "succeeded" || after.attempt !== 1) && `the run is ${after.status} in attempt ${after.attempt}: ${after.error_message ?? "it did not say why"}`),
    };
  },
});
