import type { z } from "zod";
import { bigintText } from "@/contracts/common.ts";
import { qualityResult, type listQualityQuery, type QualityResult } from "@/contracts/quality.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { decodeCursor, pageOf } from "./keyset.ts";
import { columns, readRows } from "./rpc.ts";

export type QualityFilter = Partial<z.output<typeof listQualityQuery>>;

/** Results of quality checks, newest first: of a run, or of an environment's dataset. */
export async function listQuality(db: Db, filter: QualityFilter): Promise<{ items: QualityResult[]; next_cursor: string | null }> {
  const limit = filter.limit ?? 50;
  const after = decodeCursor(filter.cursor, [bigintText]);
  let query = db.from("quality_results").select(columns(qualityResult.shape, { result_id: "text", wrong: "text", seen: "text" }));
  if (filter.environment_id !== undefined) query = query.eq("environment_id", filter.environment_id);
  if (filter.dataset !== undefined) query = query.eq("dataset", filter.dataset);
  if (filter.run_id !== undefined) query = query.eq("run_id", filter.run_id);
  if (filter.verdict !== undefined) query = query.eq("verdict", filter.verdict);
  if (after !== null) query = query.lt("result_id", after[0]);
  const rows = await readRows(qualityResult, query.order("result_id", { ascending: false }).limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.result_id]);
}
