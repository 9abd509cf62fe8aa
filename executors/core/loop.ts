import { ControlRoomError } from "../../contracts/error.ts";
import { backoffMs, sleep } from "./backoff.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Liveness } from "./liveness.ts";
import type { Log } from "./log.ts";
import { failureOf } from "./outcome.ts";
import type { PhaseRegistry } from "./phase.ts";
import { runAttempt, type AttemptEnd } from "./run-attempt.ts";
import type { ReadKeys } from "./run-secrets.ts";
import type { TableComparer } from "./verify-run.ts";
import type { Scratch } from "./scratch.ts";
import type { ExecutorSettings } from "./settings.ts";

export type LoopSettings = Omit<ExecutorSettings, "url" | "token" | "scratch" | "health" | "log_level" | "keys" | "keys_file"> & {
  version?: string;
  hostname?: string;
  /** Long poll; 0 where the transport does not wait. Default 50, the most: proxies end what is silent for a minute. */
  wait_seconds?: number;
};
export interface LoopParts {
  controlPlane: ControlPlane;
  registry: Partial<PhaseRegistry>;
  comparer?: TableComparer;
  settings: LoopSettings;
  scratch: Scratch;
  log: Log;
  /** The private keys of environments; without it secrets stay sealed. */
  readKeys?: ReadKeys;
  /** Told of every answered claim. */
  liveness?: Liveness;
  /** Aborted to drain: no new claims; runs under way get `drain_seconds`, then they are released. */
  signal: AbortSignal;
}

const claimBackoff = { base_ms: 500, cap_ms: 15_000 };
/** An empty answer that came at once was no long poll: do not spin. */
const emptyPauseMs = 500;

/**
 * Claims and executes runs until `signal` aborts; resolves when every run has been ended or given back, with how the
 * attempts ended. Rejects only with ControlRoomError `token_invalid` or `forbidden`, after the same draining.
 */
export async function runLoop(parts: LoopParts): Promise<Record<AttemptEnd, number>> {
  const { controlPlane, settings, log, liveness, signal } = parts;
  const ends: Record<AttemptEnd, number> = { succeeded: 0, failed: 0, canceled: 0, released: 0, lease_lost: 0, unreported: 0 };
  const underWay = new Set<Promise<void>>();
  const stop = new AbortController();
  const drained = new AbortController();
  let refused: ControlRoomError | undefined;
  const waitSeconds = settings.wait_seconds ?? 50;

  for (let failuresInRow = 0; !signal.aborted && refused === undefined;) {
    const free = settings.slots - underWay.size;
    if (free <= 0) {
      liveness?.full();
      const turn = new AbortController();
      await Promise.race([...underWay, aborted(signal, turn.signal)]);
      turn.abort();
      continue;
    }
    liveness?.asking();
    try {
      const askedAt = performance.now();
      const answer = await controlPlane.claim({
        start: true, max_runs: free, wait_seconds: waitSeconds, lease_seconds: settings.lease_seconds, queues: settings.queues, labels: settings.labels,
        ...(settings.version === undefined ? {} : { version: settings.version }), ...(settings.hostname === undefined ? {} : { hostname: settings.hostname }),
      }, { signal });
      failuresInRow = 0;
      liveness?.answered();
      for (const claim of answer.items) {
        log("info", "run claimed", { run_id: claim.run.run_id, attempt: claim.attempt, template_key: claim.run.template_key });
        // A signal of its own: many listeners on one are reported as a leak.
        const attempt: Promise<void> = runAttempt(claim, { ...parts, stop: AbortSignal.any([stop.signal]) }).then((end) => { ends[end] += 1; }).finally(() => underWay.delete(attempt));
        underWay.add(attempt);
      }
      if (answer.items.length === 0 && !answer.again) {
        const pause = Math.max(answer.retry_after_ms, performance.now() - askedAt < emptyPauseMs ? emptyPauseMs : 0);
        if (pause > 0) await sleep(pause * (0.75 + Math.random() / 2), signal);
      }
    } catch (error) {
      if (signal.aborted) break;
      if (error instanceof ControlRoomError && (error.code === "token_invalid" || error.code === "forbidden" || error.code === "unauthenticated")) {
        refused = error;
        break;
      }
      failuresInRow += 1;
      const asked = error instanceof ControlRoomError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
      const wait = Math.min(60_000, asked) + backoffMs(failuresInRow, claimBackoff);
      log("warn", "no run could be claimed", { code: failureOf(error).code, error: failureOf(error).message, wait_ms: Math.round(wait) });
      await sleep(wait, signal).catch(() => undefined);
    }
  }

  if (underWay.size > 0) {
    log("info", "draining", { runs: underWay.size, seconds: settings.drain_seconds });
    const all = Promise.all(underWay).finally(() => drained.abort());
    await Promise.race([all, sleep(settings.drain_seconds * 1000, drained.signal).catch(() => undefined)]);
    stop.abort();
    await all;
  }
  drained.abort();
  if (refused !== undefined) throw refused;
  return ends;
}

/** Resolves when `signal` aborts; lets go of it when `forget` does. */
function aborted(signal: AbortSignal, forget: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true, signal: forget });
  });
}
