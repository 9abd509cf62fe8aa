import type { Db } from "@/lib/supabase/client.ts";
import { eventsOf, type RunEvent } from "./openlineage-events.ts";
import { callRpc } from "./rpc.ts";

/** What the records of a run say, as OpenLineage has it. Throws `not_found`. */
export async function openLineageOf(db: Db, run_id: string): Promise<RunEvent[]> {
  return eventsOf(await callRpc(db, "read_lineage_records", { run_id }));
}
