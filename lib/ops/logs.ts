import type { LogPage, LogQuery } from "@/contracts/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { readLogFiles } from "./log-files.ts";
import { callRpc } from "./rpc.ts";

/**
 * A page of a run's lines, from the database while the run's chunks are there and from its log artifacts afterwards:
 * the answer is the same. Throws `not_found`, `storage_unavailable`.
 */
export async function listLogs(db: Db, runId: string, query: LogQuery): Promise<LogPage> {
  const stored = await callRpc(db, "read_logs", { run_id: runId, query });
  const { items, matching_lines, more } = "files" in stored ? await readLogFiles(stored.files ?? [], query) : stored;
  return {
    items,
    next_cursor: more ? String(items.at(-1)?.line ?? 0) : null,
    total_lines: stored.total_lines,
    matching_lines,
    dropped_lines: stored.dropped_lines,
  };
}
