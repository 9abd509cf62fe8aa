import "server-only";
import { Readable } from "node:stream";
import { z } from "zod";
import { listLogsQuery, type LogLine } from "@/contracts/log.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { listLogs } from "./logs.ts";

export const logDownloadQuery = listLogsQuery.pick({ phase: true, attempt: true, stream: true, level: true, search: true, regex: true, match_case: true }).extend({ format: z.enum(["log", "ndjson"]).default("log") });

const formats = {
  log: { type: "text/plain", line: ({ created_at, phase, stream, text }: LogLine) => `${created_at} ${phase ?? "-"} ${stream} ${text}\n` },
  ndjson: { type: "application/x-ndjson", line: (line: LogLine) => `${JSON.stringify(line)}\n` },
};

/**
 * Every line that fits, as a file that is read page by page, as fast as the caller takes it. A failure on the way breaks the
 * connection, so that half a file never looks whole. Throws `not_found`, `storage_unavailable`.
 */
export async function downloadLogs(db: Db, runId: string, { format, ...filter }: z.output<typeof logDownloadQuery>): Promise<Response> {
  const { type, line } = formats[format];
  const read = (after: number) => listLogs(db, runId, { ...filter, after, before: 2_147_483_647, order: "asc", limit: 1000, count: false });
  // The first page before the status: what is refused is refused with a status of its own.
  let page = await read(0);
  const bytes = (async function* () {
    for (;;) {
      yield Buffer.from(page.items.map(line).join(""));
      if (page.next_cursor === null) return;
      page = await read(Number(page.next_cursor));
    }
  })();
  return new Response(Readable.toWeb(Readable.from(bytes, { objectMode: false })) as ReadableStream<Uint8Array>, {
    headers: { "Content-Type": `${type}; charset=utf-8`, "Content-Disposition": `attachment; filename="run-${runId}.${format}"`, "Cache-Control": "no-store" },
  });
}
