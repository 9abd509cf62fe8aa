import { request } from "../../../cli/connection.ts";
import type { Exchange } from "../proxy.ts";
import { closedDoor } from "./hold.ts";
import { getPhases, getRun, querySpec, scenario, seen } from "./scenario.ts";
import { accepted, carriesResult, isBefore, isClaim, leasesGiven, seconds, steps, type Step } from "./trace.ts";

const graceMs = 300;
const patienceSeconds = 15;

/** SIGTERM while the first result is under way (EXECUTOR_DRAIN_SECONDS is 0). */
export const terminated = scenario({
  name: "SIGTERM in the middle of a run",
  rules: {
    exits_cleanly: { must: `SIGTERM ends it within ${patienceSeconds} s with exit code 0`, because: "otherwise it is killed, and its runs wait for their leases to end" },
    gives_back: { must: "the run is given back with its attempt, or really finished", because: "a deployment must cost nobody an attempt, and nobody should wait for a lease" },
    never_fakes_success: { must: "an interrupted run is never reported as a success", because: "a SIGTERM that ends as success is data that is missing without a word" },
    no_new_claims: { must: "it claims nothing after SIGTERM", because: "it would take runs that it cannot execute" },
  },
  async play(stage) {
    const run = await stage.createRun(querySpec({ first: [], second: ["first"], third: ["second"] }));
    const door = closedDoor();
    const { proxy, reach, executor } = await stage.start(async (exchange, forward) => {
      if (door.waiting() === 0 && carriesResult(exchange)) {
        exchange.fault = "held until SIGTERM was sent";
        await door.pass();
      }
      return forward();
    }, { EXECUTOR_DRAIN_SECONDS: "0" });
    await reach("the first result of a phase is sent", () => door.waiting() > 0);
    executor.terminate();
    const at = performance.now();
    await proxy.until(() => executor.ended() !== null, 1);
    door.open();
    await proxy.until(() => executor.ended() !== null, patienceSeconds);
    const took = performance.now() - at;
    const [after, phases] = await Promise.all([getRun(stage.api, run.run_id), getPhases(stage.api, run.run_id)]);
    const artifacts = (await request(stage.api, "list_artifacts", { params: { run_id: run.run_id } })).items;
    const hollow = phases.filter(({ name, status, output_sha256 }) => status === "succeeded" && !artifacts.some((artifact) => artifact.phase === name && artifact.sha256 === output_sha256));
    const end = executor.ended();
    const { record } = proxy;
    return {
      exits_cleanly: seen(`exit code 0 after ${seconds(took)}`, end === null && `it still runs ${seconds(took)} later`, end !== null && end.code !== 0 && `it ended with ${end.signal ?? `exit code ${end.code}`}`),
      gives_back: seen(`the run is ${after.status}`, !(after.status === "queued" && after.attempt === 0) && after.status !== "succeeded" && `the run is ${after.status} in attempt ${after.attempt}`),
      never_fakes_success: seen("no success without its work", ...steps(record, "complete_run").filter((step) => step.exchange.at > at && !allSucceeded(record, step, phases.map(({ name }) => name))).slice(0, 1).map(() => "it completed the run although phases were not done"),
        ...hollow.map(({ name }) => `phase ${name} is succeeded without an output`)),
      no_new_claims: seen("no claim", record.some((exchange) => isClaim(exchange) && exchange.at > at + graceMs) && "it claimed after SIGTERM", leasesGiven(record).length > 1 && "it took another lease"),
    };
  },
});

function allSucceeded(record: readonly Exchange[], before: Step, names: string[]): boolean {
  return names.every((name) => steps(record, "set_phase").some((step) => step.phase === name && step.body["status"] === "succeeded" && accepted(step) && isBefore(step, before)));
}
