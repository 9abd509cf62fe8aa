import type { Lease } from "../../../core/control-plane.ts";
import { closedDoor } from "./hold.ts";
import { getRun, NotReached, querySpec, scenario, seen } from "./scenario.ts";
import { carriesResult, refusal, isClaim, leasesGiven, seconds, steps } from "./trace.ts";

/** What was under way when the answer came. */
const graceMs = 200;

/** Result and heartbeats are held back until the lease has ended and another executor (the kit) has the run. */
export const lostLease = scenario({
  name: "a lease that is lost",
  short_lease: true,
  rules: {
    stops_after_lease_lost: { must: "after 409 lease_lost it writes nothing more to that run", because: "another executor has it: two writers would mix their results" },
    never_completes_lost_run: { must: "it does not complete a run whose lease it has lost", because: "a zombie's result is no result" },
    goes_on_after_lease_lost: { must: "it lives on and claims other runs", because: "a lost lease is an ordinary event, not the end of the executor" },
  },
  async play(stage) {
    const run = await stage.createRun(querySpec({ first: [], second: ["first"], third: ["second"] }));
    const door = closedDoor();
    let holding = true;
    const { proxy, reach } = await stage.start(async (exchange, forward) => {
      const beat = exchange.calls.some(({ op }) => op === "heartbeat_run");
      // A new claim waits too: the executor's own would take the run before the kit does.
      if (holding && (carriesResult(exchange) || (door.waiting() > 0 && (beat || isClaim(exchange))))) {
        exchange.fault = "held beyond the lease";
        await door.pass();
      }
      return forward();
    });
    await reach("the first result of a phase is sent", () => door.waiting() > 0);
    const taken = await takeOver(stage.lease_seconds + 15, async () => (await stage.plane.claim({ run_id: run.run_id, queues: [stage.queue], lease_seconds: 120 })).items[0]);
    const token = leasesGiven(proxy.record)[0]?.lease_token;
    const takenAt = performance.now();
    holding = false;
    door.open();
    const mine = () => steps(proxy.record).filter((step) => step.fenced && step.lease_token === token);
    const told = (): number => Math.min(...mine().filter((step) => ["lease_lost", "run_finished"].includes(refusal(step) ?? "")).map(({ exchange }) => exchange.answered_at ?? Infinity));
    const late = () => mine().filter(({ exchange }) => exchange.at > told() + graceMs);
    // Time enough for a zombie to show itself.
    await proxy.until(() => late().length > 2, stage.lease_seconds * 1.5);
    const claimsOn = await proxy.until(() => proxy.record.some((exchange) => isClaim(exchange) && exchange.at > (leasesGiven(proxy.record)[0]?.exchange.at ?? 0)), 10);
    const lease: Lease = { run_id: run.run_id, lease_token: taken.lease_token };
    await stage.plane.fail(lease, { error_code: "conformance", error_message: "The new holder ends the run.", permanent: true });
    const after = await getRun(stage.api, run.run_id);
    const completes = mine().filter(({ op, exchange }) => op === "complete_run" && exchange.at > takenAt);
    return {
      stops_after_lease_lost: seen(told() === Infinity ? "it found out by its own clock and wrote nothing" : "silent after lease_lost", late().length > 0 && `${late().length} writes after lease_lost, the first ${late()[0]?.op}, ${seconds((late()[0]?.exchange.at ?? 0) - told())} later`),
      never_completes_lost_run: seen("no complete", completes.length > 0 && "it reported success with the lost lease", (after.attempt !== 2 || after.error_code !== "conformance") && `the new holder's end was not the run's: ${after.status} ${after.error_code ?? ""}`),
      goes_on_after_lease_lost: seen("it claimed again", !claimsOn && "it claimed nothing within 10 s"),
    };
  },
});

async function takeOver<T>(limitSeconds: number, claim: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + limitSeconds * 1000;
  for (;;) {
    const claimed = await claim();
    if (claimed !== undefined) return claimed;
    if (performance.now() > end) throw new NotReached("the lease ends and the run can be claimed again");
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
