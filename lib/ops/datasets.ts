import { z } from "zod";
import { datasetName, type pageQuery, uuid } from "@/contracts/common.ts";
import { type datasetHistory, datasetVersion, type DatasetVersion, type listDatasetsQuery } from "@/contracts/dataset.ts";
import { ControlRoomError } from "@/contracts/error.ts";
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
  if (filter.name !== undefined) query = query.eq("name", filter.name);
  if (filter.layer !== undefined) query = query.eq("layer", filter.layer);
  if (after !== null) query = query.or(beyond(["name", "dataset_id"], after, "gt"));
  const rows = await readRows(datasetVersion, query.order("name").order("dataset_id").limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.name, row.dataset_id]);
}

/** Registered versions of a dataset, newest first. */
export async function listDatasetVersions(db: Db, dataset_id: string, filter: Partial<z.output<typeof pageQuery>> = {}): Promise<z.infer<typeof datasetHistory>> {
  const limit = filter.limit ?? 50;
  const after = decodeCursor(filter.cursor, [z.string().regex(/^\d{1,9}$/)]);
  let query = db.from("dataset_version_list").select(`${columns(datasetVersion.shape)},kept_from`).eq("dataset_id", dataset_id);
  if (after !== null) query = query.lt("version", Number(after[0]));
  const rows = await readRows(datasetVersion.extend({ kept_from: z.int() }), query.order("version", { ascending: false }).limit(limit + 1));
  if (rows.length === 0 && after === null) throw new ControlRoomError("not_found", "There is no such dataset, or you may not see it.");
  const items = rows.map(({ kept_from, ...version }) => ({ ...version, readable: version.version >= kept_from }));
  return pageOf(items, limit, (row) => [String(row.version)]);
}
