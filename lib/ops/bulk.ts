import "server-only";
import { z } from "zod";
import { bulkItem, bulkJob, type BulkJob, type bulkPreview, type CreateBulkRequest, type listBulkItemsQuery } from "@/contracts/bulk.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

/**
 * Does one verb on many runs, or counts them. Answers the job after its first slice. Throws `empty_filter`, `too_many_runs`,
 * `forbidden`, `not_found`, `idempotency_conflict`.
 */
export function createBulk(db: Db, body: CreateBulkRequest, idempotency_key?: string): Promise<BulkJob | z.infer<typeof bulkPreview>> {
  return callRpc(db, "create_bulk", { request: { ...body, idempotency_key } });
}

/** Throws `not_found`. */
export async function getBulk(db: Db, bulkId: string): Promise<BulkJob> {
  const [found] = await readRows(bulkJob, db.from("bulk_list").select(columns(bulkJob.shape)).eq("bulk_id", bulkId));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such job, or you may not see it.");
  return found;
}

const position = z.string().regex(/^\d{1,6}$/);

/** What became of each run, in the order in which they are done. Throws `not_found`. */
export async function listBulkItems(db: Db, bulkId: string, { status, limit, cursor }: z.output<typeof listBulkItemsQuery>): Promise<{ items: z.infer<typeof bulkItem>[]; next_cursor: string | null }> {
  const after = decodeCursor(cursor, [position])?.[0];
  await getBulk(db, bulkId);
  let query = db.from("bulk_items").select(columns(bulkItem.shape)).eq("bulk_id", bulkId);
  if (status !== undefined) query = query.eq("status", status);
  if (after !== undefined) query = query.gt("position", after);
  const rows = await readRows(bulkItem, query.order("position").limit(limit + 1));
  return pageOf(rows, limit, (row) => [String(row.position)]);
}

/** Throws `not_found`, `forbidden`, `illegal_transition` where it has finished. */
export function abortBulk(db: Db, bulk_id: string): Promise<BulkJob> {
  return callRpc(db, "abort_bulk", { bulk_id });
}
