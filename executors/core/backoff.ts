export interface BackoffSettings {
  /** The bound of the first wait, in milliseconds. */
  base_ms: number;
  /** No bound is larger. */
  cap_ms: number;
}

/** Exponential with full jitter: anything from 0 to base × 2^(attempt − 1), at most cap. `attempt` counts from 1. */
export function backoffMs(attempt: number, { base_ms, cap_ms }: BackoffSettings, random: () => number = Math.random): number {
  return random() * Math.min(cap_ms, base_ms * 2 ** Math.min(attempt - 1, 30));
}

/** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, Math.min(ms, 2_147_483_647));
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** Settles as `work` does, or rejects with the signal's reason `grace_ms` after it aborted, whichever is first. */
export function settleOrAbandon<T>(work: Promise<T>, signal: AbortSignal, grace_ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const aborted = (): void => {
      timer = setTimeout(() => reject(signal.reason as Error), grace_ms);
    };
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
    };
    work.then((value) => { done(); resolve(value); }, (error: unknown) => { done(); reject(error); });
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
  });
}
