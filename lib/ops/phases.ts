import { runPhase, type RunPhase } from "@/contracts/run.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { getRun } from "./runs.ts";
import { columns, readRows } from "./rpc.ts";

/** Phases of a run in the order of its spec. Throws `not_found`. */
export async function listPhases(db: Db, runId: string): Promise<{ items: RunPhase[]; next_cursor: null }> {
  const items = await readRows(runPhase, db.from("run_phases").select(columns(runPhase.shape)).eq("run_id", runId).order("position").order("name"));
  // Every run has a phase: none means no run, or one that is not visible.
  if (items.length === 0) await getRun(db, runId);
  return { items, next_cursor: null };
}
