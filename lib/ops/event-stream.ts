import type { RunEvent } from "@/contracts/event.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { eventsAfter, type EventFilter } from "./events.ts";
import type { Feed } from "./follow.ts";

const pageSize = 500;

/** One Server-Sent Event. */
export function sseEvent(event: RunEvent): string {
  // JSON.stringify writes no line break, so one data line is enough.
  return `id: ${event.seq}\nevent: run_event\ndata: ${JSON.stringify(event)}\n\n`;
}

/** The events of a run, for `streamFeed`. */
export function eventFeed(db: Db, runId: string, filter: Pick<EventFilter, "type" | "level">): Feed {
  return {
    key: `events ${filter.type ?? ""} ${filter.level ?? ""}`,
    position: (head) => head.last_seq,
    async read(after) {
      const events = await eventsAfter(db, runId, { ...filter, after }, pageSize);
      return { text: events.map(sseEvent).join(""), last: events.at(-1)?.seq ?? after, more: events.length === pageSize };
    },
  };
}
