import { z } from "zod";
import { datasetName, type pageQuery, uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
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

const versionOrder = z.string().regex(/^\d{1,9}$/);

/** Registered versions of one dataset, newest first. Throws `not_found`. */
export async function listDatasetVersions(db: Db, dataset_id: string, { limit, cursor }: z.output<typeof pageQuery>): Promise<{ items: DatasetVersion[]; next_cursor: string | null }> {
  const before = decodeCursor(cursor, [versionOrder]);
  let query = db.from("dataset_version_list").select(columns(datasetVersion.shape)).eq("dataset_id", dataset_id);
  if (before !== null) query = query.lt("version", before[0]);
  const rows = await readRows(datasetVersion, query.order("version", { ascending: false }).limit(limit + 1));
  if (rows.length === 0 && before === null) throw new ControlRoomError("not_found", "There is no such dataset, or you may not see it.");
  return pageOf(rows, limit, (row) => [String(row.version)]);
}
