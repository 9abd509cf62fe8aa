import "server-only";
import { isHosted } from "@/lib/env.ts";

/** A slow receiver costs a tick no more: leases are swept by the next one. */
const patienceMs = 500;

/**
 * Sends of this process to the outside, `atOnce` at most, which go on beside the tick: the outcome of what a slow receiver keeps under way is
 * recorded when it comes. `send` never rejects.
 */
export class Sending {
  private readonly open = new Set<Promise<void>>();
  constructor(private readonly atOnce: number) {}

  /** Takes what is due, as many as there is room for, until nothing is left or the deadline (performance.now()) is near. Answers how many were taken. */
  async sendDue<T>(deadline: number, take: (atMost: number) => Promise<readonly T[]>, send: (taken: T) => Promise<void>): Promise<number> {
    let done = 0;
    // A hosted function is frozen with its answer: there nothing may be left under way.
    const until = isHosted() ? deadline : Math.min(deadline, performance.now() + patienceMs);
    while (performance.now() < until && this.open.size < this.atOnce) {
      const taken = await take(this.atOnce - this.open.size);
      if (taken.length === 0) break;
      done += taken.length;
      for (const each of taken) {
        const attempt = send(each).finally(() => this.open.delete(attempt));
        this.open.add(attempt);
      }
      await this.settledBefore(until);
    }
    if (isHosted()) await this.settled();
    return done;
  }

  /** Ends when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.open);
  }

  private async settledBefore(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
    });
    await Promise.race([late, this.settled()]);
    clearTimeout(timer);
  }
}

/** What is said of an answer that is no success (2xx), null for one that is. */
export function refusalOf(http_status: number): string | null {
  if (http_status >= 200 && http_status <= 299) return null;
  return http_status >= 300 && http_status < 400 ? `HTTP ${http_status}: redirects are not followed.` : `HTTP ${http_status}.`;
}
