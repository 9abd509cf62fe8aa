import { randomUUID } from "node:crypto";
import { request } from "../../../cli/connection.ts";
import { aSpec, claim, createRun, eventsNow, executePhases, held, leaseOf, must, refused, runNow, type Check } from "./check.ts";

export const endChecks: Check[] = [
  {
    id: "replayed_end", must: "complete, fail and release that are repeated with the same lease get the answer that was recorded", because: "the first answer may have got lost; the executor must learn how it ended",
    async test(subject) {
      const { plane } = subject;
      const completed = await held(subject);
      await executePhases(plane, completed.lease);
      const once = await plane.complete(completed.lease, { rows: 1 });
      must(once.status === "succeeded" && once.finished_at !== null, `complete answered ${once.status}`);
      must(JSON.stringify(await plane.complete(completed.lease, { rows: 1 })) === JSON.stringify(once), "the second complete got another answer");
      const failed = await held(subject);
      const failure = { error_code: "conformance", error_message: "no", permanent: true };
      must(JSON.stringify(await plane.fail(failed.lease, failure)) === JSON.stringify(await plane.fail(failed.lease, failure)), "the second fail got another answer");
      const released = await held(subject);
      must(JSON.stringify(await plane.release(released.lease, { reason: "x" })) === JSON.stringify(await plane.release(released.lease, { reason: "x" })), "the second release got another answer");
      for (const { run } of [completed, failed, released]) {
        const ends = (await eventsNow(subject, run.run_id)).filter(({ type }) => /^RUN_(SUCCEEDED|FAILED|RELEASED)$/.test(type));
        must(ends.length === 1, `${ends.length} end events of one end`);
      }
      return "the recorded answers";
    },
  },
  {
    id: "terminal_is_final", must: "nothing changes a run that has ended", because: "a result that somebody has used must not change behind them",
    async test(subject) {
      const { plane } = subject;
      const { run, lease } = await held(subject);
      await executePhases(plane, lease);
      await plane.complete(lease, {});
      // A judgement that comes afterwards is not a change of what happened.
      const now = async (): Promise<string> => JSON.stringify([{ ...(await runNow(subject, run.run_id)), score: null }, await eventsNow(subject, run.run_id)]);
      const before = await now();
      const gone = ["lease_lost", "run_finished"];
      await refused("a heartbeat of an ended run", gone, () => plane.heartbeat(lease, {}));
      await refused("an event of an ended run", gone, () => plane.appendEvents(lease, [{ event_id: randomUUID(), type: "NOTE" }]));
      await refused("a phase of an ended run", gone, () => plane.setPhase(lease, "only", { status: "running" }));
      await refused("starting an ended run", gone, () => plane.start(lease));
      await refused("cancelling an ended run", ["run_finished"], () => request(subject.api, "cancel_run", { params: { run_id: run.run_id }, body: {} }));
      // Their repeats are answered with the recorded end, which is not a failure.
      await plane.fail(lease, { error_code: "late", error_message: "late", permanent: true }).catch(() => undefined);
      await plane.release(lease, { reason: "late" }).catch(() => undefined);
      must((await claim(plane, { run_id: run.run_id, queues: [run.queue] })).length === 0, "an ended run was given again");
      must((await now()) === before, "the run or its events changed after its end");
      return "unchanged";
    },
  },
  {
    id: "release", must: "a release queues the run again at once, with what it has done, and costs no attempt", because: "deployments and time limits are nobody's failure",
    async test(subject) {
      const { plane } = subject;
      const { run, lease } = await held(subject, { spec: aSpec("first", "second"), max_attempts: 1 });
      await executePhases(plane, lease, ["first"]);
      await plane.setPhase(lease, "second", { status: "running", checkpoint: { row: 7 } });
      must((await plane.release(lease, { reason: "time limit" })).status === "queued", "it was not queued");
      const [again] = await claim(plane, { queues: [run.queue] });
      must(again !== undefined, "it could not be claimed again");
      must(again.attempt === 1, `the release cost an attempt: it is ${again.attempt} now`);
      const [first, second] = again.phases;
      must(first?.status === "succeeded" && second?.status === "pending" && second.checkpoint?.["row"] === 7, "progress or checkpoint was lost");
      return "again in attempt 1, with its progress";
    },
  },
  {
    id: "fail", must: "a failed attempt is followed by another while attempts are left, and by none where the failure is permanent", because: "a hiccup must not cost a night, and a wrong query must not be asked for ever",
    async test(subject) {
      const { plane } = subject;
      const failure = { error_code: "conformance", error_message: "no", retry_after_seconds: 0 };
      const { run, lease } = await held(subject, { max_attempts: 2 });
      must((await plane.fail(lease, failure)).status === "queued", "the first of two attempts ended the run");
      const [again] = await claim(plane, { queues: [run.queue] });
      must(again?.attempt === 2, `the next attempt is ${again?.attempt}`);
      const last = await plane.fail(leaseOf(again), failure);
      must(last.status === "failed" && last.error_code === "conformance", `after the last attempt the run is ${last.status} (${last.error_code})`);
      const { lease: other } = await held(subject, { max_attempts: 5 });
      must((await plane.fail(other, { ...failure, permanent: true })).status === "failed", "a permanent failure was queued again");
      return "queued, then failed";
    },
  },
  {
    id: "cancel", must: "a queued run is cancelled at once; a held one learns it from its heartbeat, and ends canceled whatever its executor reports", because: "people cancel because the work must not happen",
    async test(subject) {
      const cancel = (run_id: string) => request(subject.api, "cancel_run", { params: { run_id }, body: { reason: "not wanted" } });
      const queued = await createRun(subject);
      must((await cancel(queued.run_id)).status === "canceled", "a queued run was not cancelled at once");
      must((await cancel(queued.run_id)).status === "canceled", "a repeat of the cancellation was refused");
      must((await claim(subject.plane, { queues: [queued.queue] })).length === 0, "a cancelled run was given");
      const { run, lease } = await held(subject);
      must(!(await subject.plane.heartbeat(lease, {})).cancel_requested, "a heartbeat told of a cancellation that nobody asked for");
      await cancel(run.run_id);
      const beat = await subject.plane.heartbeat(lease, {});
      must(beat.cancel_requested && beat.cancel_reason === "not wanted", "the heartbeat does not tell of the cancellation");
      await executePhases(subject.plane, lease);
      must((await subject.plane.complete(lease, {})).status === "canceled", "the run succeeded although it was cancelled");
      return "canceled both";
    },
  },
  {
    id: "canceled_never_returns", must: "a cancelled run whose attempt fails is not retried", because: "a retry that was waiting would revive what somebody has stopped",
    async test(subject) {
      const { run, lease } = await held(subject, { max_attempts: 5 });
      await request(subject.api, "cancel_run", { params: { run_id: run.run_id }, body: {} });
      must((await subject.plane.fail(lease, { error_code: "conformance", error_message: "no", retry_after_seconds: 0 })).status === "canceled", "it was queued again");
      must((await claim(subject.plane, { run_id: run.run_id, queues: [run.queue] })).length === 0, "it was given again");
      return "canceled";
    },
  },
  {
    id: "retry", must: "a retry is a new run that points at the old one; a run that has not ended cannot be retried", because: "history must stay what it was",
    async test(subject) {
      const { run, lease } = await held(subject);
      await refused("retrying a running run", ["illegal_transition"], () => request(subject.api, "retry_run", { params: { run_id: run.run_id }, body: {} }));
      await subject.plane.fail(lease, { error_code: "conformance", error_message: "no", permanent: true });
      const again = await request(subject.api, "retry_run", { params: { run_id: run.run_id }, body: { mode: "all" }, headers: { "idempotency-key": randomUUID() } });
      must(again.run_id !== run.run_id && again.repairs_run_id === run.run_id && again.status === "queued", "the new run does not point at the old one");
      must((await runNow(subject, run.run_id)).status === "failed", "the old run changed");
      await request(subject.api, "cancel_run", { params: { run_id: again.run_id }, body: {} });
      return "a new run";
    },
  },
];
