import { randomUUID } from "node:crypto";
import type { ControlPlane, Lease } from "../../../core/control-plane.ts";
import { aSpec, claim, eventsNow, executePhases, held, leaseOf, must, NotTried, refused, runNow, until, type Check } from "./check.ts";

/** Every write that a lease fences, those that end the run last. */
function writes(plane: ControlPlane, lease: Lease): Record<string, () => Promise<unknown>> {
  return {
    start: () => plane.start(lease),
    heartbeat: () => plane.heartbeat(lease, {}),
    events: () => plane.appendEvents(lease, [{ event_id: randomUUID(), type: "NOTE", message: "from a stranger" }]),
    "set phase": () => plane.setPhase(lease, "only", { status: "running" }),
    "register artifact": () => plane.registerArtifact(lease, { phase: null, name: "stranger.txt", kind: "report", content_type: "text/plain", byte_size: 1, sha256: "0".repeat(64) }),
    "pin inputs": () => plane.pinInputs(lease, { datasets: ["silver.nothing"] }),
    release: () => plane.release(lease, { reason: "from a stranger" }),
    fail: () => plane.fail(lease, { error_code: "stranger", error_message: "from a stranger", permanent: true }),
    complete: () => plane.complete(lease, {}),
  };
}
async function allRefused(plane: ControlPlane, lease: Lease, codes: string[]): Promise<void> {
  for (const [name, write] of Object.entries(writes(plane, lease))) await refused(`${name} with a lease that is not its own`, codes, write);
}

export const fenceChecks: Check[] = [
  {
    id: "fence_unknown_token", must: "a write with a lease token that was never given is refused with lease_lost and changes nothing", because: "whoever guesses or mixes up tokens would write into others' runs",
    async test(subject) {
      const { run, lease } = await held(subject);
      const before = await eventsNow(subject, run.run_id);
      await allRefused(subject.plane, { run_id: run.run_id, lease_token: randomUUID() }, ["lease_lost"]);
      const [after, state] = await Promise.all([eventsNow(subject, run.run_id), runNow(subject, run.run_id)]);
      must(after.length === before.length && state.status === "running", `it left its mark: ${after.length - before.length} events more, the run is ${state.status}`);
      await subject.plane.heartbeat(lease, {});
      return "nine writes refused, nothing changed";
    },
  },
  {
    id: "fence_other_executor", must: "a lease token in the hands of another executor is refused", because: "a token in a log must not be worth anything",
    async test(subject) {
      if (subject.other === null) throw new NotTried("the kit was given one executor's token only");
      const { run, lease } = await held(subject);
      const before = await eventsNow(subject, run.run_id);
      await allRefused(subject.other, lease, ["lease_lost", "not_found", "forbidden"]);
      must((await eventsNow(subject, run.run_id)).length === before.length, "it left its mark");
      return "nine writes refused";
    },
  },
  {
    id: "fence_expired", must: "a lease that ran out is worth nothing: the run is given to another, with a larger fence and the next attempt, and the old holder's writes are refused", because: "an executor that was paused wakes up and writes as if nothing had been",
    async test(subject) {
      const { run, claimed, lease } = await held(subject, {}, { lease_seconds: 1 });
      const second = await until("the expired run's next claim", 30, async () => (await claim(subject.plane, { run_id: run.run_id, queues: [run.queue] }))[0]);
      must(second.attempt === 2, `the second attempt is ${second.attempt}`);
      must(BigInt(second.fence) > BigInt(claimed.fence), `the fence went from ${claimed.fence} to ${second.fence}`);
      const before = await eventsNow(subject, run.run_id);
      must(before.some(({ type }) => type === "LEASE_EXPIRED"), "no event tells that the lease ran out");
      await allRefused(subject.plane, lease, ["lease_lost"]);
      must((await eventsNow(subject, run.run_id)).length === before.length, "the old holder left its mark");
      await subject.plane.start(leaseOf(second));
      await executePhases(subject.plane, leaseOf(second));
      must((await subject.plane.complete(leaseOf(second), {})).status === "succeeded", "the new holder could not complete the run");
      return "given again, the old holder refused";
    },
  },
  {
    id: "lease_exhausted", must: "a run whose last attempt's lease ran out fails with lease_exhausted", because: "a run that kills its executors would kill them for ever",
    async test(subject) {
      const { run } = await held(subject, { max_attempts: 1 }, { lease_seconds: 1 });
      const state = await until("the end of the run", 30, async () => {
        must((await claim(subject.plane, { run_id: run.run_id, queues: [run.queue] })).length === 0, "it was given again after its last attempt");
        const now = await runNow(subject, run.run_id);
        return now.status === "failed" ? now : undefined;
      });
      must(state.error_code === "lease_exhausted", `its error_code is ${state.error_code}`);
      return "failed with lease_exhausted";
    },
  },
  {
    id: "renew", must: "heartbeats keep a lease as long as they come", because: "long work would be taken away",
    async test(subject) {
      const { run, claimed, lease } = await held(subject, { spec: aSpec() }, { lease_seconds: 3 });
      let expires = Date.parse(claimed.lease_expires_at);
      const began = performance.now();
      for (let beats = 0; performance.now() - began < 6_500; beats += 1) {
        await new Promise((wake) => setTimeout(wake, 700));
        const answer = await subject.plane.heartbeat(lease, { phase: "only" });
        must(Date.parse(answer.lease_expires_at) > expires, "a heartbeat did not move the end of the lease");
        expires = Date.parse(answer.lease_expires_at);
        must((await claim(subject.plane, { run_id: run.run_id, queues: [run.queue] })).length === 0, "a run whose lease was renewed was given to another");
      }
      await executePhases(subject.plane, lease);
      must((await subject.plane.complete(lease, {})).attempt === 1, "it took a second attempt");
      return "kept for more than two leases";
    },
  },
];
