/** Whether a loop still gets its claims answered. A worker that executes as many runs as it may asks for none and is well. */
export interface Liveness {
  /** A claim was answered, whatever was in it. */
  answered(): void;
  /** Every slot is taken: no claim is due. */
  full(): void;
  /** A slot is free again: claims are due from now on. */
  asking(): void;
  state(): { ok: boolean; seconds_without_claim: number };
}

/** Not well after `limit_seconds` in which claims were due and none was answered: refused, unreachable, or a loop that is stuck. */
export function liveness(limit_seconds: number, now: () => number = () => performance.now()): Liveness {
  let since: number | null = now();
  return {
    answered() { since = now(); },
    full() { since = null; },
    asking() { since ??= now(); },
    state() {
      const seconds = since === null ? 0 : (now() - since) / 1000;
      return { ok: seconds <= limit_seconds, seconds_without_claim: Math.round(seconds) };
    },
  };
}
