import { canonicalJson } from "../../../../contracts/canonical.ts";
import { list } from "../calls.ts";
import type { Exchange } from "../proxy.ts";
import { getEvents, getRun, notSeen, querySpec, scenario, seen } from "./scenario.ts";
import { isEnd, steps } from "./trace.ts";

/** What is cut once each: the request gets through, its answer does not. Never a claim: its run would wait for the lease to end. */
const cuts = {
  "start_run": (exchange: Exchange) => has(exchange, "start_run"),
  "the first events": (exchange: Exchange) => has(exchange, "append_events"),
  "phase running": (exchange: Exchange) => has(exchange, "set_phase", "running"),
  "the first upload": (exchange: Exchange) => has(exchange, "put_object"),
  "the first registration": (exchange: Exchange) => has(exchange, "register_artifact"),
  "phase succeeded": (exchange: Exchange) => has(exchange, "set_phase", "succeeded"),
  "complete_run": (exchange: Exchange) => has(exchange, "complete_run"),
};
function has(exchange: Exchange, op: string, status?: string): boolean {
  return exchange.calls.some((call) => call.op === op && (status === undefined || call.body["status"] === status));
}

export const lostAnswers = scenario({
  name: "answers that get lost",
  rules: {
    replays: { must: "a write whose answer was lost is sent again, as it was", because: "nobody knows whether it got through; only a repeat makes it sure" },
    same_event_id: { must: "an event that is sent again keeps its event_id", because: "it would be written twice: the id is what de-duplicates" },
    survives_losses: { must: "a run succeeds in its first attempt although the answer to each kind of write is lost once", because: "networks lose answers every day" },
  },
  async play(stage) {
    const run = await stage.createRun(querySpec({ first: [], second: ["first"] }));
    const cut = new Map<string, Exchange>();
    const { proxy, reach } = await stage.start(async (exchange, forward) => {
      const answer = await forward();
      const names = answer.status < 300 ? Object.entries(cuts).filter(([name, matches]) => !cut.has(name) && matches(exchange)).map(([name]) => name) : [];
      if (names.length === 0) return answer;
      for (const name of names) cut.set(name, exchange);
      exchange.fault = "the answer was cut";
      return "cut";
    });
    await reach("the run is ended", () => steps(proxy.record).some((step) => isEnd(step) && step.exchange.status !== null) || cut.has("complete_run"), 30);
    await proxy.until(() => steps(proxy.record, "complete_run").some(({ exchange }) => exchange.status !== null), 5);
    const [after, events] = await Promise.all([getRun(stage.api, run.run_id), getEvents(stage.api, run.run_id)]);
    const unrepeated = [...cut].filter(([name, lost]) => name !== "the first upload" && !proxy.record.some((later) => later.at > lost.at && repeats(lost, later))).map(([name]) => name);
    const lost = cut.get("the first events");
    const ids = new Set(steps(proxy.record, "append_events").filter(({ exchange }) => exchange !== lost).flatMap(({ body }) => list(body["events"])).map((event) => event["event_id"]));
    const changed = lost === undefined ? [] : steps([lost], "append_events").flatMap(({ body }) => list(body["events"])).filter((event) => !ids.has(event["event_id"]));
    const twice = events.filter((event, index) => event.type === "PHASE_PROGRESS" && events.findIndex((other) => other.type === event.type && other.phase === event.phase && other.message === event.message) < index);
    return {
      replays: seen(`${cut.size} answers cut, each write repeated`, ...unrepeated.map((name) => `${name} was not sent again`)),
      same_event_id: unrepeated.includes("the first events") ? notSeen("no event was sent again") : seen(lost === undefined ? "no event was sent" : "the same event_id", changed.length > 0 && `${changed.length} events were not sent again under their event_id`,
        changed.length > 0 && twice.length > 0 && `${twice.length} events are there twice`),
      survives_losses: seen(`succeeded in attempt ${after.attempt}`, (after.status !== "succeeded" || after.attempt !== 1) && `the run is ${after.status} in attempt ${after.attempt}: ${after.error_message ?? "it did not say why"}`),
    };
  },
});

/** The same request; events may travel with others, and under another id (which has a rule of its own). */
function repeats(lost: Exchange, later: Exchange): boolean {
  // The next attempt says the same of itself.
  if (later.calls[0]?.lease_token !== lost.calls[0]?.lease_token) return false;
  const events = said(lost);
  if (events.length > 0) return events.every((text) => said(later).includes(text));
  if (lost.calls.length > 1) return lost.calls.every((call) => later.calls.some((other) => canonicalJson(other) === canonicalJson(call)));
  return later.method === lost.method && later.path === lost.path && later.body.equals(lost.body);
}
function said(exchange: Exchange): string[] {
  return steps([exchange], "append_events").flatMap(({ body }) => list(body["events"])).map(({ event_id: _, ...event }) => canonicalJson(event));
}
