import type { z } from "zod";
import { runEvent, type listEventsQuery, type RunEvent } from "@/contracts/event.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { columns, readRows } from "./rpc.ts";
import { getRun } from "./runs.ts";

/** PostgREST cuts at 1,000 rows without a word. */
const maximumRows = 1000;
export type EventFilter = Partial<z.output<typeof listEventsQuery>>;

/** Events of a run after `after`, oldest first; `next_cursor` is the next `after`. Throws `not_found`. */
export async function listEvents(db: Db, runId: string, filter: EventFilter = {}): Promise<{ items: RunEvent[]; next_cursor: string | null }> {
  const limit = filter.limit ?? 200;
  const rows = await eventsAfter(db, runId, filter, Math.min(limit + 1, maximumRows));
  if (rows.length === 0) await getRun(db, runId);
  const items = rows.slice(0, limit);
  const more = rows.length > limit || rows.length === maximumRows;
  return { items, next_cursor: more ? String(items.at(-1)?.seq ?? 0) : null };
}

/** At most `limit` events after `filter.after`; none where the run is not visible. */
export function eventsAfter(db: Db, runId: string, filter: EventFilter, limit: number): Promise<RunEvent[]> {
  let query = db.from("run_events").select(columns(runEvent.shape)).eq("run_id", runId).gt("seq", filter.after ?? 0);
  if (filter.type !== undefined) query = query.eq("type", filter.type);
  if (filter.level !== undefined) query = query.eq("level", filter.level);
  return readRows(runEvent, query.order("seq").limit(limit));
}
