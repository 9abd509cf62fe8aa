import { request } from "../../../cli/connection.ts";
import { sha256Of } from "../../../core/hash.ts";
import { accepted, claimsIn, isBefore, isEnd, leasesGiven, refusal, steps, type Step } from "./trace.ts";
import type { Exchange } from "../proxy.ts";
import { jsonAnswer } from "../proxy.ts";
import { isRecord } from "../calls.ts";
import { getEvents, getPhases, getRun, notSeen, querySpec, scenario, seen, type Seen } from "./scenario.ts";

/** Two runs of one spec, one after the other; the answers to the second hold fields that no contract knows yet. */
export const wholeRun = scenario({
  name: "two whole runs",
  rules: {
    completes: { must: "it executes a run to its end", because: "nothing else matters otherwise" },
    claims_with_room: { must: "it claims only what it has room for (EXECUTOR_SLOTS)", because: "runs that are claimed and not executed look alive and wait for nobody" },
    names_the_lease: { must: "every write carries the lease token of its run", because: "the lease token is what fences off a writer that has lost the run" },
    starts_first: { must: "it starts the run (or claims with start) before it writes anything else", because: "a run that was never started cannot be told from one that is stuck" },
    order: { must: "a phase begins only after those that it depends on", because: "it would read what is not there yet" },
    phase_events: { must: "each phase shows that it started, at least one progress, and that it finished", because: "people watch phases, and a silent one looks dead" },
    uploads_first: { must: "bytes are uploaded before the artifact is registered", because: "a registered artifact without bytes is a broken link in a proof" },
    right_hash: { must: "bytes are sent and registered under their own SHA-256", because: "content has one name; a wrong one makes every comparison worthless" },
    output_named: { must: "a succeeded phase names the SHA-256 of its output, and an artifact of the phase has it", because: "this is what is compared when a run is verified" },
    deterministic: { must: "the same input gives the same output hash in two runs", because: "otherwise no run can ever be verified" },
    unknown_fields: { must: "it ignores fields in answers that it does not know", because: "fields are added to the contract; an executor in the field must not break" },
  },
  async play(stage) {
    const spec = querySpec({ extract: [], left: ["extract"], right: ["extract"], join: ["left", "right"] });
    const first = await stage.createRun(spec, { priority: 1 });
    const second = await stage.createRun(spec, { priority: 2 });
    const newer = new Set<string>();
    const { proxy, reach } = await stage.start(async (exchange, forward) => {
      const answer = await forward();
      const { run_id } = exchange.calls[0] ?? {};
      const value: unknown = answer.status < 300 && /json/.test(answer.headers["content-type"] ?? "") ? JSON.parse(answer.body.toString("utf8")) : null;
      const claimed = claimsIn(value).some((claim) => isRecord(claim["run"]) && claim["run"]["run_id"] === second.run_id);
      if (claimed) newer.add(second.run_id);
      if (!isRecord(value) || !(claimed || (run_id !== null && run_id !== undefined && newer.has(run_id)))) return answer;
      for (const claim of claimsIn(value)) Object.assign(claim, { x_future: { deep: [1, null] } });
      return jsonAnswer(answer.status, { ...value, x_future: "a later version" });
    });
    const endOf = (run_id: string): Step | undefined => steps(proxy.record).find((step) => isEnd(step) && step.run_id === run_id && step.exchange.answered_at !== null);
    await reach("a run is claimed and written to", () => steps(proxy.record).some(({ fenced }) => fenced));
    const secondEnded = (await proxy.until(() => endOf(first.run_id) !== undefined, 20)) && (await proxy.until(() => endOf(second.run_id) !== undefined, 20));
    const { record } = proxy;
    const [one, two] = await Promise.all([getRun(stage.api, first.run_id), getRun(stage.api, second.run_id)]);
    const [phases, phasesAgain, events] = await Promise.all([getPhases(stage.api, first.run_id), getPhases(stage.api, second.run_id), getEvents(stage.api, first.run_id)]);
    const artifacts = (await request(stage.api, "list_artifacts", { params: { run_id: first.run_id } })).items;
    const writes = steps(record).filter(({ fenced }) => fenced);
    const tokens = new Set(leasesGiven(record).map(({ run_id, lease_token }) => `${run_id} ${lease_token}`));
    const uploads = steps(record, "put_object");
    const ok = one.status === "succeeded";
    const whole = (found: () => Seen): Seen => (ok ? found() : notSeen(`the run is ${one.status}`));

    return {
      completes: seen(`the run ${one.status} in attempt ${one.attempt}`, !ok && `the run is ${one.status}: ${one.error_message ?? "it did not say why"}`, one.attempt !== 1 && `it took ${one.attempt} attempts`),
      claims_with_room: seen(`${leasesGiven(record).length} claims, one after the other`, ...overClaims(record, 1)),
      names_the_lease: seen(`${writes.length} writes with their lease tokens`, ...writes.filter(({ run_id, lease_token }) => !tokens.has(`${run_id} ${lease_token}`)).slice(0, 3)
        .map(({ op, lease_token }) => `${op} came with ${lease_token === null ? "no lease token" : "another lease token"}`)),
      starts_first: seen("started before the first write", ...[first, second].map(({ run_id }) => startProblem(record, run_id))),
      order: seen("extract, then left and right, then join", ...orderProblems(writes.filter(({ run_id }) => run_id === first.run_id), spec)),
      phase_events: whole(() => seen(`${events.length} events`, ...phases.flatMap(({ name }) => (["PHASE_STARTED", "PHASE_PROGRESS", "PHASE_SUCCEEDED"] as const)
        .filter((type) => !events.some((event) => event.phase === name && event.type === type)).map((type) => `phase ${name} has no ${type}`)))),
      uploads_first: seen(`${uploads.length} uploads, then their registrations`, ...steps(record, "register_artifact").filter((step) => refusal(step) === "object_missing")
        .map(({ body }) => `${String(body["name"])} was registered before its bytes were stored`), ok && artifacts.length === 0 && "no artifact was registered"),
      right_hash: seen(`${uploads.length} uploads hashed`, ...uploads.filter(({ exchange }) => !exchange.path.includes(sha256Of(Uint8Array.from(exchange.body)))).map(() => "bytes were sent under a hash that is not theirs"),
        ...steps(record, "register_artifact").filter((step) => !accepted(step) && refusal(step) !== "object_missing").map(({ body }) => `the registration of ${String(body["name"])} was refused`)),
      output_named: whole(() => seen(`${phases.length} phases with outputs`, ...phases.map(({ name, output_sha256 }) => (output_sha256 === null ? `phase ${name} has no output_sha256`
        : !artifacts.some((artifact) => artifact.phase === name && artifact.sha256 === output_sha256) && `no artifact of phase ${name} has its output_sha256`)))),
      deterministic: two.status !== "succeeded" ? notSeen(`the second run is ${two.status}`) : whole(() => seen("equal output hashes",
        ...phases.map(({ name, output_sha256 }) => phasesAgain.find((phase) => phase.name === name)?.output_sha256 !== output_sha256 && `phase ${name} gave two different hashes`))),
      unknown_fields: whole(() => seen(`the second run ${two.status}`, (!secondEnded || two.status !== "succeeded") && `with unknown fields in the answers the run is ${two.status}: ${two.error_message ?? "it did not end"}`)),
    };
  },
});

function overClaims(record: readonly Exchange[], slots: number): string[] {
  const given = leasesGiven(record);
  const ends = steps(record).filter(isEnd);
  return steps(record, "claim_runs", "claim_run").flatMap(({ exchange, body }) => {
    const held = given.filter((lease) => (lease.exchange.answered_at ?? Infinity) <= exchange.at && !ends.some((end) => end.lease_token === lease.lease_token && end.exchange.at <= exchange.at)).length;
    const asked = typeof body["max_runs"] === "number" ? body["max_runs"] : 1;
    return held + asked > slots ? [`it held ${held} of ${slots} and asked for ${asked} more`] : [];
  }).slice(0, 1);
}

function startProblem(record: readonly Exchange[], run_id: string): string | false {
  const lease = leasesGiven(record).find((given) => given.run_id === run_id);
  if (lease === undefined || lease.exchange.calls.some(({ body }) => body["start"] === true)) return false;
  const first = steps(record).find((step) => step.fenced && step.run_id === run_id && step.op !== "heartbeat_run");
  return first !== undefined && first.op !== "start_run" && `the first write was ${first.op}`;
}

function orderProblems(writes: Step[], spec: Record<string, unknown>): string[] {
  const phases = spec["phases"] as { name: string; depends_on: string[] }[];
  const done = (name: string, step: Step): boolean => writes.some((write) => write.op === "set_phase" && write.phase === name && write.body["status"] === "succeeded" && accepted(write) && isBefore(write, step));
  return writes.filter(({ op, body }) => op === "set_phase" && body["status"] === "running").flatMap((step) =>
    (phases.find(({ name }) => name === step.phase)?.depends_on ?? []).filter((name) => !done(name, step)).map((name) => `${step.phase} began before ${name} had ended`)).slice(0, 2);
}
