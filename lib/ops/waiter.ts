/**
 * Waiting for work, once a process. A claimer that found nothing takes a ticket and sleeps; a notification wakes one of
 * them, never all. A notification does not say whose queue it is for, so a claimer that was woken and found nothing
 * passes the wake-up on to one that has not tried since; one that found something starts a new round, because more may
 * wait. Without notifications a timer wakes a few in turn, those first that have waited longest.
 */
export interface Waiter {
  /** Taken before the first claim, so that no wake-up falls between a claim and the sleep after it. */
  join(): Ticket;
  /** Something may be ready: wakes one claimer. */
  notify(): void;
  /** How many claimers there are, awake or asleep. */
  size(): number;
}
export interface Ticket {
  /** Sleeps until woken, at most `timeoutMs`, or until the signal. True where it was woken (perhaps already, since the last sleep). */
  sleep(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** After each claim: did it take something? Hands the wake-up on. */
  tried(tookSome: boolean): void;
  leave(): void;
}

interface Entry {
  /** The last round in which it was woken. */
  round: number;
  lastTry: number;
  woken: boolean;
  wake: (() => void) | null;
}

/** With a listener the timer is only a net for what nobody notifies (a `run_after` that has come, a gate that time opens). */
const fallbackMs = 1_000;
const netBatch = 1;
/** Without one: quick after something happened, then slower and more of them. */
const pollFirstMs = 50;
const pollBatch = 2;
const slowPollBatch = 20;

export function createWaiter(options: { isListening: () => boolean; now?: () => number }): Waiter {
  const now = options.now ?? (() => performance.now());
  const entries = new Set<Entry>();
  let round = 0;
  let delay = pollFirstMs;
  let timer: NodeJS.Timeout | undefined;

  const wake = (entry: Entry): void => {
    entry.round = round;
    entry.woken = true;
    entry.wake?.();
  };
  const wakeOne = (): void => {
    let next: Entry | undefined;
    for (const entry of entries) {
      if (entry.round < round && !entry.woken && (next === undefined || entry.lastTry < next.lastTry)) next = entry;
    }
    if (next !== undefined) wake(next);
  };
  const startRound = (): void => {
    round += 1;
    delay = pollFirstMs;
    wakeOne();
  };
  const tick = (): void => {
    timer = undefined;
    const listening = options.isListening();
    const asleep = [...entries].filter((entry) => entry.wake !== null && !entry.woken).toSorted((a, b) => a.lastTry - b.lastTry);
    // Their round stays: what a timer found nothing for, a notification may still bring.
    for (const entry of asleep.slice(0, listening ? netBatch : delay >= fallbackMs ? slowPollBatch : pollBatch)) {
      entry.woken = true;
      entry.wake?.();
    }
    delay = listening ? fallbackMs : Math.min(fallbackMs, delay * 1.5);
    arm();
  };
  const arm = (): void => {
    if (timer !== undefined || entries.size === 0) return;
    timer = setTimeout(tick, options.isListening() ? fallbackMs : delay);
    timer.unref();
  };

  return {
    size: () => entries.size,
    notify: startRound,
    join() {
      const entry: Entry = { round, lastTry: now(), woken: false, wake: null };
      entries.add(entry);
      delay = pollFirstMs;
      arm();
      return {
        sleep: (timeoutMs, signal) => sleep(entry, timeoutMs, signal),
        tried(tookSome) {
          entry.lastTry = now();
          if (tookSome) startRound();
          else wakeOne();
        },
        leave() {
          entries.delete(entry);
          // A wake-up that it will not use belongs to another.
          if (entry.woken) wakeOne();
          if (entries.size === 0) {
            clearTimeout(timer);
            timer = undefined;
          }
        },
      };
    },
  };
}

async function sleep(entry: Entry, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  if (!entry.woken && timeoutMs > 0 && !signal.aborted) {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        entry.wake = null;
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      signal.addEventListener("abort", end, { once: true });
      entry.wake = end;
    });
  }
  const { woken } = entry;
  // An aborted claimer keeps the mark, so that leave() hands it on.
  if (!signal.aborted) entry.woken = false;
  return woken;
}
