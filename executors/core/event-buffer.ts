import { eventDataLimitBytes, type NewEvent } from "../../contracts/event.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import type { ControlPlane, Lease } from "./control-plane.ts";
import { LeaseLost } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Redactor } from "./redactor.ts";
import { failureOf, tidyObject, tidyText } from "./outcome.ts";

const delayMs = 100;
const batchEvents = 200;
const batchBytes = 1_000_000;
/** While the control room is away events wait here; beyond this the oldest are given up, with a note. */
const mostWaiting = 10_000;

export interface EventBuffer {
  add(event: Omit<NewEvent, "event_id">): void;
  /** Resolves when everything added so far is written. Throws what the control plane throws. */
  flush(): Promise<void>;
}

/**
 * Gathers events for up to 100 ms and writes them in order. Every event has its own id from the start, so a batch whose
 * answer got lost is sent again and written once. Secrets are taken out first. Events that the control room refuses are logged and dropped.
 */
export function eventBuffer(controlPlane: Pick<ControlPlane, "appendEvents">, lease: Lease, options: { signal: AbortSignal; log: Log; onLost: (error: LeaseLost) => void; redact: Redactor }): EventBuffer {
  const waiting: { event: NewEvent; bytes: number }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<void> = Promise.resolve();
  let dropped = 0;

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, takeCount());
      try {
        await controlPlane.appendEvents(lease, batch.map(({ event }) => event), { signal: options.signal });
      } catch (error) {
        if (!(error instanceof ControlRoomError) || error.status >= 500 || error.status === 429) throw error;
        options.log("error", "events were refused and are dropped", { code: error.code, detail: error.message, count: batch.length });
      }
      waiting.splice(0, batch.length);
    }
  }
  function takeCount(): number {
    let bytes = 0;
    const count = waiting.slice(0, batchEvents).findIndex((item, index) => {
      bytes += item.bytes;
      return index > 0 && bytes > batchBytes;
    });
    return count === -1 ? batchEvents : count;
  }
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const mine = sending.then(sendAll);
    // The next flush starts after this one, whatever became of it; its events are still waiting.
    sending = mine.catch(() => undefined);
    return mine;
  }
  function flushLater(): void {
    timer ??= setTimeout(() => {
      flush().catch((error: unknown) => {
        if (error instanceof LeaseLost) options.onLost(error);
        else if (!options.signal.aborted) options.log("warn", "events could not be written yet", { error: failureOf(error).message });
      });
    }, delayMs);
  }

  return {
    flush,
    add(event) {
      if (waiting.length >= mostWaiting) {
        // Not the first ones: they may be under way.
        waiting.splice(batchEvents, 1);
        dropped += 1;
        if (dropped === 1 || dropped % 1000 === 0) options.log("warn", "events are dropped, too many are waiting", { dropped });
      }
      const tidy = tidyEvent(options.redact.value(event));
      waiting.push({ event: tidy, bytes: JSON.stringify(tidy).length });
      flushLater();
    },
  };
}

function tidyEvent(event: Omit<NewEvent, "event_id">): NewEvent {
  let data = tidyObject(event.data ?? {});
  const bytes = new TextEncoder().encode(JSON.stringify(data)).length;
  if (bytes > eventDataLimitBytes) data = { omitted: `${bytes} bytes of data; at most ${eventDataLimitBytes} fit into an event` };
  return { ...event, event_id: crypto.randomUUID(), message: tidyText(event.message ?? "", 8_192), data };
}
