/**
 * The smallest executor of the contract, and a careless one: it trusts no clock, does not stop when its heartbeats fail, sends
 * calls twice, and goes on writing until it is refused. Whatever it does must have its effects once.
 */
import { createHash } from "node:crypto";
import type { Claim } from "../../contracts/claim.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import type { ControlPlane, Lease } from "../../executors/core/control-plane.ts";
import { sleep } from "../../executors/core/backoff.ts";
import { LeaseLost } from "../../executors/core/errors.ts";
import { Unreachable } from "../../executors/core/remote-call.ts";
import { between, type Random } from "./random.ts";
import type { Entry } from "./ledger.ts";

export interface LightOptions {
  name: string;
  plane: ControlPlane;
  queue: string;
  lease_seconds: number;
  slots: number;
  random: Random;
  note: (entry: Entry) => void;
}

/** Claims and executes for ever. */
export async function lightExecutor(options: LightOptions): Promise<never> {
  const plane = sendingTwice(options.plane, options.random);
  const underWay = new Set<Promise<void>>();
  for (;;) {
    const free = options.slots - underWay.size;
    if (free === 0) {
      await Promise.race(underWay);
      continue;
    }
    try {
      const { items, again } = await plane.claim({ max_runs: free, start: true, queues: [options.queue], lease_seconds: options.lease_seconds, wait_seconds: 1 }, { timeout_ms: 5000 });
      for (const claim of items) {
        options.note({ what: "claimed", run_id: claim.run.run_id, fence: claim.fence, at: claim.attempt });
        const work: Promise<void> = execute(claim, plane, options).finally(() => underWay.delete(work));
        underWay.add(work);
      }
      if (items.length === 0 && !again) await sleep(50 + 100 * options.random());
    } catch {
      await sleep(100 + 300 * options.random()); // down or cut off: the next claim will say
    }
  }
}

async function execute(claim: Claim, plane: ControlPlane, { name, random, note, lease_seconds }: LightOptions): Promise<void> {
  const lease: Lease = { run_id: claim.run.run_id, lease_token: claim.lease_token };
  const at = { run_id: lease.run_id, fence: claim.fence };
  let canceled = false;
  const beats = setInterval(() => {
    plane.heartbeat(lease, {}, { timeout_ms: 1000 }).then((answer) => { canceled ||= answer.cancel_requested; }, () => undefined);
  }, (lease_seconds * 1000) / 3);
  try {
    if (claim.run.status === "claimed") await plane.start(lease);
    for (const phase of claim.phases.filter(({ status }) => status === "pending")) {
      await plane.setPhase(lease, phase.name, { status: "running" });
      note({ what: "executed", phase: phase.name, ...at });
      await plane.appendEvents(lease, [
        // The effect: its id is the phase's, so that it happens once however often the phase is executed.
        { event_id: uuidOf(`${at.run_id}/${phase.name}`), type: "EFFECT", phase: phase.name, level: "info", message: phase.name, data: {} },
        { event_id: uuidOf(`${at.run_id}/${phase.name}/${claim.fence}`), type: "PHASE_PROGRESS", phase: phase.name, level: "info", message: "half", data: { fence: claim.fence, executor: name } },
      ]);
      await sleep(between(random, 5, 400));
      if (random() < 0.15) await keepBytes(claim, plane, lease, phase.name);
      if (random() < 0.05) throw new Error("planned failure");
      if (canceled) break;
      await plane.setPhase(lease, phase.name, { status: "succeeded", output_sha256: hexOf(`${at.run_id}/${phase.name}`) });
    }
    if (random() < 0.1) await sleep(between(random, 5, 300)); // time to die between the last phase and the end
    if (!canceled && random() < 0.03) note({ what: "ended", ...at, status: (await plane.release(lease, { reason: "a planned release" })).status });
    else if (canceled) note({ what: "ended", ...at, status: (await plane.fail(lease, { error_code: "canceled", error_message: "canceled", permanent: true })).status });
    else note({ what: "ended", ...at, status: (await plane.complete(lease, { fence: claim.fence })).status });
  } catch (error) {
    if (error instanceof LeaseLost) return note({ what: "refused", ...at, code: "lease_lost" });
    if (error instanceof Unreachable) return note({ what: "refused", ...at, code: "unreachable" });
    if (error instanceof ControlRoomError) note({ what: "refused", ...at, code: error.code });
    await plane.fail(lease, { error_code: "planned", error_message: String(error), retry_after_seconds: 0.2 }).then(({ status }) => note({ what: "ended", ...at, status }), () => undefined);
  } finally {
    clearInterval(beats);
  }
}

/** Bytes of the phase, the same ones from whoever executes it: registered twice they are one artifact. */
async function keepBytes(claim: Claim, plane: ControlPlane, lease: Lease, phase: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${lease.run_id}/${phase}\n`.repeat(50));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await plane.uploadObject({ sha256, byte_size: bytes.length, environment_id: claim.run.environment_id, open: () => bytes });
  await plane.registerArtifact(lease, { phase, name: `${phase}.txt`, kind: "report", content_type: "text/plain", byte_size: bytes.length, sha256, metadata: {} });
}

/** A network that delivers some calls twice, together or one after the other. A claim is never repeated by anybody. */
function sendingTwice(plane: ControlPlane, random: Random): ControlPlane {
  const twice = <A extends unknown[], T>(send: (...args: A) => Promise<T>) => async (...args: A): Promise<T> => {
    const chance = random();
    if (chance < 0.1) {
      const [first, second] = await Promise.allSettled([send(...args), send(...args)]);
      if (first.status === "fulfilled") return first.value;
      if (second.status === "fulfilled") return second.value;
      throw first.reason;
    }
    const answer = await send(...args);
    if (chance < 0.2) void send(...args).catch(() => undefined);
    return answer;
  };
  return {
    ...plane, start: twice(plane.start), appendEvents: twice(plane.appendEvents), setPhase: twice(plane.setPhase), registerArtifact: twice(plane.registerArtifact),
    release: twice(plane.release), complete: twice(plane.complete), fail: twice(plane.fail),
  };
}

const hexOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A UUID (version 8, RFC 9562) out of a text. */
function uuidOf(text: string): string {
  const hex = hexOf(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
