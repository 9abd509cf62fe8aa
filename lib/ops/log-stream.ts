import type { LogLine, LogQuery } from "@/contracts/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import type { Feed } from "./follow.ts";
import { listLogs } from "./logs.ts";

const pageSize = 500;

/** One Server-Sent Event. */
export function sseLogLine(line: LogLine): string {
  return `id: ${line.line}\nevent: log_line\ndata: ${JSON.stringify(line)}\n\n`;
}

/** The lines of a run, for `streamFeed`: of those that fit, where a filter is given. */
export function logFeed(db: Db, runId: string, { phase, attempt, stream, level, search, regex, match_case }: LogQuery): Feed {
  const filter = { phase, attempt, stream, level, search, regex, match_case };
  return {
    key: `logs ${JSON.stringify(filter)}`,
    position: (head) => head.last_line,
    async read(after) {
      const page = await listLogs(db, runId, { ...filter, after, before: 2_147_483_647, order: "asc", limit: pageSize, count: false });
      return { text: page.items.map(sseLogLine).join(""), last: page.next_cursor === null ? Math.max(after, page.total_lines) : Number(page.next_cursor), more: page.next_cursor !== null };
    },
  };
}
