import { ControlRoomError } from "@/contracts/error.ts";
import { linePattern, PatternError } from "@/contracts/line-pattern.ts";
import type { LogPage, LogQuery } from "@/contracts/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { readLogFiles } from "./log-files.ts";
import { callRpc } from "./rpc.ts";

/**
 * A page of a run's lines, from the database while the run's chunks are there and from its log artifacts afterwards:
 * the answer is the same. Throws `not_found`, `invalid_pattern`, `storage_unavailable`.
 */
export async function listLogs(db: Db, runId: string, query: LogQuery): Promise<LogPage> {
  const { regex, search, ...rest } = query;
  const sought = search === undefined ? {} : regex === true ? { pattern: postgresPattern(search, query.match_case === true) } : { search };
  const stored = await callRpc(db, "read_logs", { run_id: runId, query: { ...rest, ...sought } });
  const { items, matching_lines, more } = "files" in stored ? await readLogFiles(stored.files ?? [], query) : stored;
  return {
    items,
    next_cursor: more ? String(items.at(-1)?.line ?? 0) : null,
    total_lines: stored.total_lines,
    matching_lines,
    dropped_lines: stored.dropped_lines,
  };
}

function postgresPattern(source: string, matchCase: boolean): string {
  try {
    return linePattern(source, matchCase).postgres;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const place = { path: "search", message: `${error.message} (character ${error.at + 1})`, line: 1, column: error.at + 1 };
    throw new ControlRoomError("invalid_pattern", `The regular expression ${error.message}, at character ${error.at + 1}.`, { errors: [place] });
  }
}
