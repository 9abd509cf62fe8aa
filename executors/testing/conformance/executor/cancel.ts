import { request } from "../../../cli/connection.ts";
import { isRecord } from "../calls.ts";
import { closedDoor } from "./hold.ts";
import { getRun, querySpec, scenario, seen } from "./scenario.ts";
import { carriesResult, isEnd, seconds, steps } from "./trace.ts";

const graceMs = 200;

/** Somebody cancels the run while its first result is under way. */
export const canceledRun = scenario({
  name: "a run that is cancelled",
  short_lease: true,
  rules: {
    learns_of_cancel: { must: "it learns of a cancellation within two heartbeats", because: "people press the button once and expect it to work" },
    ends_canceled_run: { must: "it then ends the run within two heartbeats, without completing it", because: "the slot stays taken until it says so" },
    stops_canceled_work: { must: "it begins no phase and reports no success after it was told", because: "a cancelled run that goes on changes what somebody wanted left alone" },
  },
  async play(stage) {
    const run = await stage.createRun(querySpec({ first: [], second: ["first"], third: ["second"] }));
    const door = closedDoor();
    const { proxy, reach } = await stage.start(async (exchange, forward) => {
      if (door.waiting() === 0 && carriesResult(exchange)) {
        exchange.fault = "held until the cancellation is known";
        await door.pass();
      }
      return forward();
    });
    await reach("the first result of a phase is sent", () => door.waiting() > 0);
    await request(stage.api, "cancel_run", { params: { run_id: run.run_id }, body: { reason: "conformance" } });
    const canceledAt = performance.now();
    const beat = () => steps(proxy.record, "heartbeat_run").find(({ exchange }) => isRecord(exchange.answer) && exchange.answer["cancel_requested"] === true)?.exchange;
    await proxy.until(() => beat() !== undefined, stage.two_beats_ms / 1000 + 2);
    const told = beat()?.answered_at ?? performance.now();
    door.open();
    const end = () => steps(proxy.record).find((step) => isEnd(step) && step.exchange.answered_at !== null);
    await proxy.until(() => end() !== undefined, stage.two_beats_ms / 1000 + 4);
    const after = await getRun(stage.api, run.run_id);
    const ended = end();
    const after_told = steps(proxy.record).filter(({ exchange }) => exchange.at > told + graceMs);
    const wrong = after_told.filter(({ op, body }) => op === "complete_run" || (op === "set_phase" && body["status"] === "running"));
    return {
      learns_of_cancel: seen(`told after ${seconds(told - canceledAt)}`, beat() === undefined && "no heartbeat asked after the cancellation", told - canceledAt > stage.two_beats_ms && `it asked only after ${seconds(told - canceledAt)}`),
      ends_canceled_run: seen(`${ended?.op} ${seconds((ended?.exchange.at ?? 0) - told)} after it was told`, ended === undefined && "it did not end the run", ended?.op === "complete_run" && "it completed the run",
        ended !== undefined && ended.exchange.at - told > stage.two_beats_ms && `it took ${seconds(ended.exchange.at - told)}`, after.status !== "canceled" && ended !== undefined && `the run is ${after.status}`),
      stops_canceled_work: seen("nothing begun afterwards", ...wrong.slice(0, 2).map(({ op, phase }) => `${op}${phase === null ? "" : ` of ${phase}`} after it was told`)),
    };
  },
});
