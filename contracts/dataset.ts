import { z } from "zod";
import { bigintText, datasetName, datasetReference, jsonObject, page, pageQuery, sha256, text, timestamp, uuid } from "./common.ts";

export const layers = ["bronze", "silver", "gold"] as const;
export const layer = z.enum(layers);
export type Layer = z.infer<typeof layer>;

export const datasetColumn = z.object({ name: z.string(), type: z.string() });

/** A registered version of a table. Readers follow it, never "the latest commit". */
export const datasetVersion = z.object({
  dataset_id: uuid,
  name: datasetName,
  layer: layer.nullable(),
  version: z.int().describe("counts registered versions, from 1"),
  table_version: bigintText.describe("the version in the table's own log (Delta)"),
  format: z.literal("delta"),
  location: z.string().describe("directory of the table, relative to the lake"),
  content_sha256: sha256.describe("hash of schema and files; equal content, equal hash"),
  row_count: bigintText,
  byte_size: bigintText,
  columns: z.array(datasetColumn),
  run_id: uuid,
  data_at: timestamp.describe("of when the data are: of the oldest that the run read, which is older than the version"),
  created_at: timestamp,
}).meta({ id: "DatasetVersion" });
export type DatasetVersion = z.infer<typeof datasetVersion>;
export const datasetPage = page(datasetVersion).meta({ id: "DatasetPage" });
export const datasetHistory = page(datasetVersion.extend({ readable: z.boolean().describe("false: given up, its files may be gone") })).meta({ id: "DatasetHistory" });
export const listDatasetsQuery = pageQuery.extend({ environment_id: uuid.optional(), name: datasetName.optional(), layer: layer.optional() });

export const columnKinds = ["IDENTITY", "TRANSFORMATION", "AGGREGATION"] as const;
export const rowKinds = ["FILTER", "JOIN", "GROUP_BY"] as const;
/** What the SQL of a table reads, by its own text: what cannot be known for certain is left out as a whole, never guessed. */
export const tableLineage = z.strictObject({
  inputs: z.array(datasetName).max(500).describe("tables that it reads"),
  columns: z.record(text.max(512), z.array(z.strictObject({ dataset: datasetName, column: text.min(1).max(512), kind: z.enum(columnKinds) })).max(500)).nullable().describe("of which columns each of its columns is made; null where that is not known"),
  rows: z.array(z.strictObject({ dataset: datasetName, column: text.min(1).max(512), kind: z.enum(rowKinds) })).max(1000).describe("columns that decide which rows there are"),
}).meta({ id: "TableLineage" });
export type TableLineage = z.infer<typeof tableLineage>;

export const publishDatasetRequest = z.strictObject({
  phase: z.string(),
  name: datasetName,
  layer: layer.nullable(),
  table_version: z.int().min(0),
  format: z.literal("delta"),
  location: z.string().max(500),
  content_sha256: sha256,
  row_count: z.int().min(0),
  byte_size: z.int().min(0),
  columns: z.array(datasetColumn),
  lineage: tableLineage.optional().describe("where SQL made it"),
}).meta({ id: "PublishDatasetRequest" });
export type PublishDatasetRequest = z.infer<typeof publishDatasetRequest>;

/**
 * Which version of each dataset this run reads. The first call pins the registered version in the run's input
 * manifest; a repeat, and a run that repeats another, gets the same again. `sources` records what was read outside
 * the lake (snapshot, horizon).
 */
export const pinInputsRequest = z.strictObject({
  datasets: z.array(datasetReference).max(500).default([]),
  sources: jsonObject.default({}),
}).meta({ id: "PinInputsRequest" });
export const pinInputsResponse = z.object({
  datasets: z.array(datasetVersion.extend({ pinned_as: datasetReference.describe("as it was asked for") })),
  missing: z.array(datasetReference).describe("no such version was ever registered, or it was given up"),
  sources: jsonObject,
}).meta({ id: "PinInputsResponse" });
export type PinInputsResponse = z.infer<typeof pinInputsResponse>;

/** The right to commit to tables: all that are named, or none. Held as long as the lease lives, or until each is published. */
export const beginPublishRequest = z.strictObject({
  phase: z.string(),
  datasets: z.array(datasetName).min(1).max(2000),
  retain_hours: z.int().min(1).max(87_600).optional().describe("gives up versions that nobody has followed for so long and no unfinished run reads"),
}).meta({ id: "BeginPublishRequest" });
export const publishIntent = z.object({
  name: datasetName,
  fence: bigintText.describe("commit with this; larger with every holder of the table"),
  base_table_version: bigintText.describe("the registered version in the table's own log; -1 where none is. Later commits were never registered"),
  kept_from_table_version: bigintText.describe("files of this version and later ones are needed; -1 where none is registered"),
});
export type PublishIntent = z.infer<typeof publishIntent>;
export const beginPublishResponse = z.object({ items: z.array(publishIntent) }).meta({ id: "BeginPublishResponse" });
