import { sleep } from "./backoff.ts";
import type { ControlPlane, Lease } from "./control-plane.ts";
import { LeaseLost } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Usage } from "./meter.ts";
import { Canceled, failureOf } from "./outcome.ts";

export interface LeaseKeeper {
  /** Ends the heartbeats; resolves when none is under way. Never rejects. */
  stop(): Promise<void>;
}

export interface LeaseOptions {
  lease_seconds: number;
  /** The phase that the heartbeat names; null between phases. */
  phase: () => string | null;
  /** What the run has used so far, for its caps. */
  usage?: () => Usage | undefined;
  /** Called once at most for each: the work must stop. */
  onLost: (error: LeaseLost) => void;
  onCancel: (error: Canceled) => void;
  log: Log;
}

/**
 * Renews a lease each third of its time, whatever the phases do. The lease counts as lost when the control room says
 * so, or when a full lease has passed on this machine's monotonic clock since the last renewal that got through was
 * sent: from then on another executor may hold the run.
 */
export function keepLease(controlPlane: Pick<ControlPlane, "heartbeat">, lease: Lease, options: LeaseOptions): LeaseKeeper {
  const leaseMs = options.lease_seconds * 1000;
  const stopping = new AbortController();
  let renewedAt = performance.now();
  let canceled = false;

  async function beat(): Promise<void> {
    const sentAt = performance.now();
    const left = renewedAt + leaseMs - sentAt;
    if (left <= 0) throw new LeaseLost(`no heartbeat got through for ${options.lease_seconds} s`);
    try {
      const answer = await controlPlane.heartbeat(lease, { phase: options.phase(), usage: options.usage?.() }, { signal: stopping.signal, timeout_ms: Math.max(1, Math.min(left, Math.max(leaseMs / 3, 1000))) });
      renewedAt = sentAt;
      if (answer.cancel_requested && !canceled) {
        canceled = true;
        options.onCancel(new Canceled(answer.cancel_reason));
      }
    } catch (error) {
      if (error instanceof LeaseLost || stopping.signal.aborted) throw error;
      options.log("warn", "a heartbeat did not get through", { error: failureOf(error).message, lease_seconds_left: Math.round((renewedAt + leaseMs - performance.now()) / 100) / 10 });
    }
  }

  async function beats(): Promise<void> {
    for (;;) {
      const due = renewedAt + leaseMs / 3 - performance.now();
      // After a failure the next try comes soon, but not in a tight loop.
      await sleep(Math.min(Math.max(due, Math.min(1000, leaseMs / 10)), Math.max(0, renewedAt + leaseMs - performance.now())), stopping.signal);
      await beat();
    }
  }
  const running = beats().catch((error: unknown) => {
    if (stopping.signal.aborted) return;
    options.onLost(error instanceof LeaseLost ? error : new LeaseLost(failureOf(error).message));
  });

  return {
    async stop() {
      stopping.abort(new Error("the heartbeats ended"));
      await running;
    },
  };
}
