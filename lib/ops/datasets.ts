import type { z } from "zod";
import { datasetName, uuid } from "@/contracts/common.ts";
import { datasetVersion, type DatasetVersion, type listDatasetsQuery } from "@/contracts/dataset.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { columns, readRows } from "./rpc.ts";

export type DatasetFilter = Partial<z.output<typeof listDatasetsQuery>>;

/** Datasets by name, each with the version that readers follow. */
export async function listDatasets(db: Db, filter: DatasetFilter = {}): Promise<{ items: DatasetVersion[]; next_cursor: string | null }> {
  const limit = filter.limit ?? 50;
  const after = decodeCursor(filter.cursor, [datasetName, uuid]);
  let query = db.from("dataset_list").select(columns(datasetVersion.shape));
  if (filter.environment_id !== undefined) query = query.eq("environment_id", filter.environment_id);
  if (filter.layer !== undefined) query = query.eq("layer", filter.layer);
  if (after !== null) query = query.or(beyond(["name", "dataset_id"], after, "gt"));
  const rows = await readRows(datasetVersion, query.order("name").order("dataset_id").limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.name, row.dataset_id]);
}
