import { sha256Of } from "../../../core/hash.ts";
import { jsonAnswer, problemAnswer } from "../proxy.ts";
import { isRecord, list } from "../calls.ts";
import { getPhases, getRun, notSeen, querySpec, scenario, seen } from "./scenario.ts";
import { claimsIn, isEnd, leasesGiven, steps, type Step } from "./trace.ts";

/** A query that cannot work, a result that is refused for good, and a phase of a type that nobody knows. */
export const failures = scenario({
  name: "runs that must fail",
  rules: {
    fails_with_code: { must: "a phase that fails is reported failed, and its run with an error_code and a message", because: "somebody has to know what to repair" },
    never_completes_failed_run: { must: "a run with a failed phase is never completed, and what depends on the phase does not begin", because: "tables would be published without their data" },
    gives_up_permanent: { must: "a write that is refused for good (400, 404, 409, 422) is not sent again", because: "a repeat cannot help; it loops for ever" },
    ends_refused_run: { must: "a run whose result is refused for good is failed, not completed", because: "its result is not there" },
    unknown_phase_type: { must: "a phase of a type that it does not know is failed or the run released, never succeeded", because: "work that nobody did would count as done" },
  },
  async play(stage) {
    const spec = { first: [], second: ["first"] };
    const bad = await stage.createRun(querySpec(spec, { sql: "select nothing from no_such_table" }), { priority: 1, max_attempts: 1 });
    const refused = await stage.createRun(querySpec(spec), { priority: 2, max_attempts: 1 });
    const strange = await stage.createRun(querySpec({ only: [] }), { priority: 3, max_attempts: 1 });
    const { proxy, reach } = await stage.start(async (exchange, forward) => {
      if (exchange.calls.some(({ op, run_id, body }) => run_id === refused.run_id && (op === "register_artifact" || (op === "set_phase" && body["status"] === "succeeded")))) {
        exchange.fault = "refused for good";
        return problemAnswer(422, "hash_mismatch");
      }
      const answer = await forward();
      if (!exchange.calls.some(({ op }) => op === "claim_runs") || answer.status !== 200) return answer;
      const value: unknown = JSON.parse(answer.body.toString("utf8"));
      for (const claim of claimsIn(value)) {
        if (!isRecord(claim["run"]) || claim["run"]["run_id"] !== strange.run_id) continue;
        const shared = isRecord(value) && isRecord(value["specs"]) ? value["specs"] : {};
        const spec = claim["spec"] ?? structuredClone(shared[String(claim["run"]["spec_sha256"])]);
        if (!isRecord(spec)) continue;
        for (const phase of [...list(claim["phases"]), ...list(spec["phases"])]) phase["type"] = "teleport";
        // Under another name where specs are shared: other claims may hold the same one.
        if (claim["spec"] === null) shared[claim["run"]["spec_sha256"] = "7e1e".repeat(16)] = spec;
      }
      return jsonAnswer(200, value);
    });
    const endOf = (run_id: string): Step | undefined => steps(proxy.record).find((step) => isEnd(step) && step.run_id === run_id && step.exchange.answered_at !== null);
    await reach("the run with the failing query is ended", () => endOf(bad.run_id) !== undefined);
    await proxy.until(() => endOf(strange.run_id) !== undefined, 15);
    const [badAfter, refusedAfter, strangeAfter, phases] = await Promise.all([getRun(stage.api, bad.run_id), getRun(stage.api, refused.run_id), getRun(stage.api, strange.run_id), getPhases(stage.api, bad.run_id)]);
    const reports = steps(proxy.record);
    const began = (run_id: string, phase: string): boolean => reports.some((step) => step.op === "set_phase" && step.run_id === run_id && step.phase === phase && step.body["status"] === "running");
    const repeated = new Map<string, number>();
    for (const exchange of proxy.record.filter(({ fault }) => fault === "refused for good")) {
      const request = `${exchange.method} ${exchange.path} ${sha256Of(Uint8Array.from(exchange.body))}`;
      repeated.set(request, (repeated.get(request) ?? 0) + 1);
    }
    const completes = (run_id: string): boolean => reports.some((step) => step.op === "complete_run" && step.run_id === run_id);
    const first = phases.find(({ name }) => name === "first");
    return {
      fails_with_code: seen(`failed with ${badAfter.error_code}`, badAfter.status !== "failed" && `the run is ${badAfter.status}`, badAfter.status === "failed" && (badAfter.error_code === "lease_exhausted" || (badAfter.error_message ?? "") === "") && "the executor did not say why",
        first?.status !== "failed" && `the phase is ${first?.status}`),
      never_completes_failed_run: seen("not completed", completes(bad.run_id) && "it completed a run whose phase had failed", began(bad.run_id, "second") && "it began the phase that depends on the failed one"),
      gives_up_permanent: seen(`${repeated.size} writes refused, each sent once`, Math.max(0, ...repeated.values()) > 1 && `a write that was refused for good was sent ${Math.max(...repeated.values())} times`, repeated.size === 0 && "it sent no result that could be refused"),
      ends_refused_run: seen(`the run ${refusedAfter.status}`, completes(refused.run_id) && "it completed the run", endOf(refused.run_id) === undefined && "it did not end the run"),
      unknown_phase_type: !leasesGiven(proxy.record).some(({ run_id }) => run_id === strange.run_id) ? notSeen("the run was not claimed") : seen(`${endOf(strange.run_id)?.op} (${strangeAfter.error_code ?? "released"})`, endOf(strange.run_id) === undefined && "it did not end the run", completes(strange.run_id) && "it completed the run",
        reports.some((step) => step.run_id === strange.run_id && step.op === "set_phase" && step.body["status"] === "succeeded") && "it reported the phase as succeeded"),
    };
  },
});
