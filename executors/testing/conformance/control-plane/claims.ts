import { randomUUID } from "node:crypto";
import { ControlRoomError } from "../../../../contracts/error.ts";
import { operationUrl, request } from "../../../cli/connection.ts";
import { aQueue, aSpec, claim, createRun, executePhases, held, leaseOf, must, NotTried, refused, runNow, type Check } from "./check.ts";

export const claimChecks: Check[] = [
  {
    id: "claim", must: "a claim gives the run with its spec, phases, attempt and a lease that ends in the future", because: "this is all that an executor knows of its work",
    async test(subject) {
      const { claimed, run } = await held(subject, { spec: aSpec("first", "second") });
      must(claimed.attempt === 1, `the first attempt is ${claimed.attempt}`);
      must(Date.parse(claimed.lease_expires_at) > Date.parse(run.created_at), "the lease ended before the run was made");
      must(claimed.phases.map(({ name }) => name).join() === "first,second" && Array.isArray(claimed.spec["phases"]), "phases or spec are missing");
      const state = await runNow(subject, run.run_id);
      must(state.status === "running" && state.started_at !== null, `after start the run is ${state.status}`);
      return "claimed and started";
    },
  },
  {
    id: "claim_once", must: "runs that many claim at once are each given once, and all of them are given", because: "a run that is executed twice writes twice",
    async test(subject) {
      const queue = aQueue();
      const made = await Promise.all(Array.from({ length: 20 }, () => createRun(subject, { queue })));
      const given = (await Promise.all(Array.from({ length: 8 }, () => claim(subject.plane, { queues: [queue], max_runs: 5 })))).flat();
      // Claimers may pass each other by where one holds what the other sees; what is left is there for the next.
      const left = given.length < made.length ? await claim(subject.plane, { queues: [queue], max_runs: 20 }) : [];
      const ids = [...given, ...left].map(({ run }) => run.run_id);
      must(new Set(ids).size === ids.length, `${ids.length - new Set(ids).size} of ${made.length} runs were given twice`);
      must(ids.length === made.length, `${ids.length} of ${made.length} runs were given`);
      must((await claim(subject.plane, { queues: [queue] })).length === 0, "an empty queue gave a run");
      await Promise.all([...given, ...left].map((each) => subject.plane.fail(leaseOf(each), { error_code: "conformance", error_message: "enough", permanent: true })));
      return "20 runs, 8 claimers, each run once";
    },
  },
  {
    id: "claim_what_was_asked", must: "a claim gives runs of the asked queues, whose labels it offers, those of lower priority number first", because: "a run needs what its labels say; an urgent one must not wait",
    async test(subject) {
      const queue = aQueue();
      const later = await createRun(subject, { queue, priority: 200 });
      const urgent = await createRun(subject, { queue, priority: 1 });
      const special = await createRun(subject, { queue, priority: 0, labels: ["gpu"] });
      must((await claim(subject.plane, { queues: [aQueue()] })).length === 0, "another queue's claim got a run");
      const order = [...(await claim(subject.plane, { queues: [queue] })), ...(await claim(subject.plane, { queues: [queue] }))].map(({ run }) => run.run_id);
      must(!order.includes(special.run_id), "a run was given to a claim without its label");
      must(order[0] === urgent.run_id && order[1] === later.run_id, "the urgent run was not the first");
      must((await claim(subject.plane, { queues: [queue], labels: ["gpu", "fast"] }))[0]?.run.run_id === special.run_id, "the run with a label was not given to a claim that offers it");
      return "queue, labels and priority kept";
    },
  },
  {
    id: "run_after", must: "a run is not given before its run_after", because: "it was put off for a reason",
    async test(subject) {
      const run = await createRun(subject, { run_after: new Date(Date.now() + 3_600_000).toISOString() });
      must((await claim(subject.plane, { queues: [run.queue] })).length === 0, "it was given an hour too early");
      await request(subject.api, "cancel_run", { params: { run_id: run.run_id }, body: {} });
      return "not given";
    },
  },
  {
    id: "concurrency_limit", must: "runs of one concurrency key never hold more leases than its limit, and the next is given when one ends", because: "two writers of one table destroy each other's work; a slot that is never given back stops everything",
    async test(subject) {
      const queue = aQueue();
      const concurrency_key = `conformance-${randomUUID()}`;
      for (let made = 0; made < 4; made += 1) await createRun(subject, { queue, concurrency_key, concurrency_limit: 2 });
      const first = (await Promise.all([claim(subject.plane, { queues: [queue], max_runs: 4 }), claim(subject.plane, { queues: [queue], max_runs: 4 })])).flat();
      must(first.length === 2, `${first.length} runs were given, with room for 2`);
      const [one, two] = first.map(leaseOf) as [ReturnType<typeof leaseOf>, ReturnType<typeof leaseOf>];
      await subject.plane.start(one);
      await executePhases(subject.plane, one);
      await subject.plane.complete(one, {});
      const next = await claim(subject.plane, { queues: [queue], max_runs: 4 });
      must(next.length === 1, `${next.length} runs were given after one had ended`);
      await subject.plane.fail(two, { error_code: "conformance", error_message: "enough", permanent: true });
      must((await claim(subject.plane, { queues: [queue], max_runs: 4 })).length === 1, "the slot of a failed run was not given back");
      return "2 at once, and one more for each that ended";
    },
  },
  {
    id: "explain", must: "for a run that waits the control plane says which rule holds it back", because: "nobody should have to guess why nothing happens",
    async test(subject) {
      if (!subject.offers.has("/runs/{run_id}/explain")) throw new NotTried("this control plane explains no runs");
      const { run_id } = await createRun(subject, { run_after: new Date(Date.now() + 3_600_000).toISOString() });
      const { reasons } = await request(subject.api, "explain_run", { params: { run_id } });
      must(reasons.some(({ rule }) => rule === "run_after"), `a run that was put off is explained by ${reasons.map(({ rule }) => rule).join(", ") || "nothing"}`);
      return reasons.map(({ rule }) => rule).join(", ");
    },
  },
  {
    id: "idempotency_key", must: "the same Idempotency-Key answers the same run, another request under it is refused", because: "a request whose answer got lost is sent again, and must not run twice",
    async test(subject) {
      const queue = aQueue();
      const key = { "idempotency-key": randomUUID() };
      const [first, again] = await Promise.all([createRun(subject, { queue }, key), createRun(subject, { queue }, key)]);
      must(first.run_id === again.run_id, "two runs were made");
      await refused("another request under the same key", ["idempotency_conflict"], () => createRun(subject, { queue: aQueue() }, key));
      return "one run";
    },
  },
  {
    id: "caps", must: "caps hold under many claims at once", because: "a budget that can be overrun is none",
    async test(subject) {
      if (!subject.offers.has("/caps")) throw new NotTried("this control plane offers no caps");
      const cap_key = `conformance-${randomUUID()}`;
      const where = subject.environment === undefined ? {} : { environment: subject.environment };
      const cap = await request(subject.api, "create_cap", { body: { cap_key, unit: "runs", period: "day", limit_amount: "3", ...where } }).catch((error: unknown) => {
        if (error instanceof ControlRoomError && error.code === "forbidden") throw new NotTried("the API token may not make caps (it needs the role admin)");
        throw error;
      });
      try {
        const queue = aQueue();
        for (let made = 0; made < 8; made += 1) await createRun(subject, { queue, caps: [{ key: cap_key }] });
        const given = (await Promise.all(Array.from({ length: 6 }, () => claim(subject.plane, { queues: [queue], max_runs: 8 })))).flat();
        must(given.length === 3, `${given.length} runs were given under a cap of 3`);
        const [first] = given;
        must(first !== undefined, "no run was given");
        await subject.plane.fail(leaseOf(first), { error_code: "conformance", error_message: "enough", permanent: true });
        must((await claim(subject.plane, { queues: [queue], max_runs: 8 })).length === 0, "the end of a run gave back what it had used");
        return "3 of 8 runs, claimed by 6 at once";
      } finally {
        await fetch(operationUrl(subject.api, "delete_cap", { params: { cap_id: cap.cap_id } }), { method: "DELETE", headers: { authorization: `Bearer ${subject.api.token}` }, signal: AbortSignal.timeout(30_000) });
      }
    },
  },
];
