import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { executor, type Executor, type listExecutorsQuery } from "@/contracts/executor.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { columns, readRows } from "./rpc.ts";

export type ExecutorFilter = Partial<z.output<typeof listExecutorsQuery>>;
const name = z.string().max(200);

/** Executors by name. */
export async function listExecutors(db: Db, filter: ExecutorFilter = {}): Promise<{ items: Executor[]; next_cursor: string | null }> {
  const limit = filter.limit ?? 50;
  const after = decodeCursor(filter.cursor, [name, uuid]);
  let query = db.from("executors").select(columns(executor.shape)).is("deleted_at", null);
  if (filter.project_id !== undefined) query = query.eq("project_id", filter.project_id);
  if (after !== null) query = query.or(beyond(["name", "executor_id"], after, "gt"));
  const rows = await readRows(executor, query.order("name").order("executor_id").limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.name, row.executor_id]);
}
