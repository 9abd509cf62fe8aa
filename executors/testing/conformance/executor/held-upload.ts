import { closedDoor } from "./hold.ts";
import { getEvents, getRun, querySpec, scenario, seen } from "./scenario.ts";
import { accepted, carriesResult, gaps, isEnd, leasesGiven, seconds, steps } from "./trace.ts";

/** The first result of a phase is held back for three leases. */
export const heldUpload = scenario({
  name: "an upload held for three leases",
  short_lease: true,
  rules: {
    renews: { must: "heartbeats go on, each well before the lease ends, while an upload or a report takes long", because: "a run that works would be taken away and done twice" },
    survives_slowness: { must: "a run whose upload takes three leases succeeds in its first attempt", because: "large results take longer than leases" },
  },
  async play(stage) {
    const run = await stage.createRun(querySpec({ only: [] }));
    const door = closedDoor();
    const { proxy, reach } = await stage.start(async (exchange, forward) => {
      if (door.waiting() === 0 && carriesResult(exchange)) {
        exchange.fault = "held for three leases";
        await door.pass();
      }
      return forward();
    });
    await reach("the first result of a phase is sent", () => door.waiting() > 0);
    const from = performance.now();
    await proxy.until(() => false, 3 * stage.lease_seconds);
    const to = performance.now();
    door.open();
    await proxy.until(() => steps(proxy.record).some((step) => isEnd(step) && step.exchange.answered_at !== null), 10);
    const [after, events] = await Promise.all([getRun(stage.api, run.run_id), getEvents(stage.api, run.run_id)]);
    const token = leasesGiven(proxy.record)[0]?.lease_token;
    const beats = steps(proxy.record, "heartbeat_run").filter((step) => accepted(step) && step.lease_token === token && step.exchange.at < to).map(({ exchange }) => exchange.at);
    const during = beats.filter((at) => at >= from);
    const longest = Math.max(...gaps([from, ...during, to]));
    const limit = stage.lease_seconds * 800;
    return {
      renews: seen(`${during.length} heartbeats in ${seconds(to - from)}, the longest pause ${seconds(longest)}`,
        longest > limit && `${during.length} heartbeats in ${seconds(to - from)}; ${seconds(longest)} without one, of a lease of ${stage.lease_seconds} s`),
      survives_slowness: seen(`succeeded in attempt ${after.attempt}`, (after.status !== "succeeded" || after.attempt !== 1) && `the run is ${after.status} in attempt ${after.attempt}`,
        events.some(({ type }) => type === "LEASE_EXPIRED") && "its lease expired"),
    };
  },
});
