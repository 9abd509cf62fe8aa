import "server-only";
import { Readable } from "node:stream";
import type { z } from "zod";
import { auditEntry, type AuditEntry, type exportAuditQuery } from "@/contracts/audit.ts";
import { csvLine } from "@/lib/csv.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { eachAuditPage, resolveOrganization } from "./audit.ts";

const names = Object.keys(auditEntry.shape) as (keyof AuditEntry)[];
const formats = {
  ndjson: { type: "application/x-ndjson", head: "", line: (entry: AuditEntry) => `${JSON.stringify(entry)}\n` },
  csv: { type: "text/csv", head: csvLine(names), line: (entry: AuditEntry) => csvLine(names.map((name) => cell(entry[name]))) },
};

/**
 * Every entry that fits, as a file that is read from the database page by page, as fast as the caller takes it. A failure on the way
 * breaks the connection, so that half a file never looks whole. Throws `not_found`, `invalid_input`.
 */
export async function exportAudit(db: Db, { format, organization, ...filter }: z.output<typeof exportAuditQuery>): Promise<Response> {
  const { organization_id } = await resolveOrganization(db, organization);
  const { type, head, line } = formats[format];
  const pages = eachAuditPage(db, organization_id, filter);
  // The first page before the status: what is refused is refused with a problem.
  const first = await pages.next();
  const bytes = (async function* () {
    yield Buffer.from(head + (first.value ?? []).map(line).join(""));
    for await (const page of pages) yield Buffer.from(page.map(line).join(""));
  })();
  return new Response(Readable.toWeb(Readable.from(bytes, { objectMode: false })) as ReadableStream<Uint8Array>, {
    headers: { "Content-Type": `${type}; charset=utf-8`, "Content-Disposition": `attachment; filename="audit.${format}"`, "X-Content-Type-Options": "nosniff" },
  });
}

function cell(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
