import { z } from "zod";
import { datasetName, jsonObject, text, timestamp, uuid } from "./common.ts";
import { layer } from "./dataset.ts";
import { placeQuery } from "./secret.ts";
import { lineageDirections } from "./words.ts";

/** OpenLineage, core 2-0-2: https://openlineage.io/spec/2-0-2/OpenLineage.json */
export const openLineageCore = "https://openlineage.io/spec/2-0-2/OpenLineage.json";
export const openLineageProducer = "urn:lakehouse-control-room";
export const eventTypes = ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] as const;

const uri = text.max(2000).regex(/^[A-Za-z][A-Za-z0-9+.-]*:\S*$/, "is not a URI");
const namespace = text.min(1).max(512);
const name = text.min(1).max(1024);

/**
 * Facets are open: anybody may add one, and an emitter's may break its own schema (Trino's errorMessage does). What is not read is
 * only held to be an object; what the graph is made of (schema, symlinks, columnLineage) is checked.
 */
const facet = z.looseObject({});
const facets = z.record(z.string(), facet);
const identifier = z.looseObject({ namespace, name });
const inputField = z.looseObject({
  namespace, name, field: text.min(1).max(512),
  transformations: z.array(z.looseObject({ type: text.max(100), subtype: text.max(100).nullish() })).nullish(),
});
const columnLineageFacet = z.looseObject({
  fields: z.record(text.max(512), z.looseObject({ inputFields: z.array(inputField) })),
  dataset: z.array(inputField).optional(),
});
const datasetFacets = z.looseObject({
  schema: z.looseObject({ fields: z.array(z.looseObject({ name: text.max(512), type: text.nullish() })).max(5000).nullish() }).optional(),
  symlinks: z.looseObject({ identifiers: z.array(identifier).max(100).nullish() }).optional(),
  columnLineage: columnLineageFacet.optional(),
}).catchall(facet);
const dataset = z.looseObject({ namespace, name, facets: datasetFacets.optional() });
const io = z.array(dataset).max(500).optional();
const base = { eventTime: z.iso.datetime({ offset: true }).describe("RFC 3339, with its offset"), producer: uri, schemaURL: uri };
const job = z.looseObject({ namespace, name, facets: facets.optional() });

/** One event, as emitters send it: of a run, of a job that does not run now, or of a dataset alone. */
export const openLineageEvent = z.looseObject({
  ...base,
  eventType: z.enum(eventTypes).optional(),
  run: z.looseObject({ runId: z.guid(), facets: facets.optional() }).optional(),
  job: job.optional(),
  dataset: dataset.optional(),
  inputs: io,
  outputs: io,
}).superRefine((event, context) => {
  if (event.job === undefined && (event.dataset === undefined || event.run !== undefined)) context.addIssue({ code: "custom", path: ["job"], message: "is needed, unless the event tells of a dataset alone" });
  if (event.eventType !== undefined && event.run === undefined) context.addIssue({ code: "custom", path: ["run"], message: "is needed where there is an eventType" });
  if ((event.inputs?.length ?? 0) * (event.outputs?.length ?? 0) > 10_000) context.addIssue({ code: "custom", path: ["outputs"], message: "inputs times outputs are at most 10,000" });
}).meta({ id: "OpenLineageEvent" });
export type OpenLineageEvent = z.infer<typeof openLineageEvent>;

export const recordLineageQuery = placeQuery;
export const recordLineageResponse = z.object({ recorded: z.int() }).meta({ id: "RecordLineageResponse" });
/** What an event of a batch is, is looked at one by one: the answer is that of OpenLineage's own API. */
export const lineageBatch = z.array(jsonObject).min(1).max(1000).meta({ id: "LineageBatch" });
export const lineageBatchResponse = z.object({
  status: z.enum(["success", "partial_success"]),
  summary: z.object({ received: z.int(), successful: z.int(), failed: z.int(), retriable: z.int(), non_retriable: z.int() }),
  failed_events: z.array(z.object({ index: z.int(), reason: z.string(), retriable: z.boolean() })),
}).meta({ id: "LineageBatchResponse" });

const where = { environment_id: uuid, node_id: uuid.optional(), dataset: datasetName.optional().describe("a table of this environment's lake") };
const depth = z.coerce.number().int().min(0).max(20).default(1).describe("steps from the focus");
export const lineageQuery = z.object({
  ...where, direction: z.enum(lineageDirections).default("both"), depth, search: text.min(1).max(200).optional().describe("a part of a name; without a focus only"),
  limit: z.coerce.number().int().min(1).max(2000).default(200), cursor: z.string().regex(/^\d{1,7}$/).optional(),
});
export const columnLineageQuery = z.object({ ...where, column: text.min(1).max(512).optional(), direction: z.enum(lineageDirections).default("both"), depth, limit: z.coerce.number().int().min(1).max(2000).default(500) });
export const lineageReadersQuery = z.object({ environment_id: uuid, node_id: uuid.optional(), dataset: datasetName.optional(), limit: z.coerce.number().int().min(1).max(200).default(50), cursor: z.string().max(500).optional() })
  .refine((query) => (query.node_id === undefined) !== (query.dataset === undefined), { error: "needs node_id or dataset" });

export const lineageNode = z.object({
  node_id: uuid,
  namespace: z.string(),
  name: z.string(),
  dataset: datasetName.nullable().describe("its name, where it is a table of this environment's lake"),
  layer: layer.nullable(),
  seen_at: timestamp.describe("when it was last told of"),
  distance: z.int().describe("steps from the focus; below 0 upstream of it"),
  upstream: z.array(z.object({ node_id: uuid, job: z.string() })).describe("what it is made of, with the job that said so last; the newest 200"),
  upstream_count: z.int(),
  downstream_count: z.int(),
});
export type LineageNode = z.infer<typeof lineageNode>;
export const lineageGraph = z.object({
  items: z.array(lineageNode), next_cursor: z.string().nullable(), focus: uuid.nullable(), cut: z.boolean().describe("there is more than an answer holds: take a smaller depth"),
}).meta({ id: "LineageGraph" });
export type LineageGraph = z.infer<typeof lineageGraph>;
export const storedLineageGraph = z.object({ items: z.array(lineageNode), next: z.string().nullable(), focus: uuid.nullable(), cut: z.boolean() });

export const lineageColumn = z.object({
  node_id: uuid,
  namespace: z.string(),
  name: z.string(),
  dataset: datasetName.nullable(),
  column: z.string().describe("empty: what decides which rows the dataset has"),
  distance: z.int(),
  upstream: z.array(z.object({ node_id: uuid, column: z.string(), kind: z.string(), direct: z.boolean() })),
});
export type LineageColumn = z.infer<typeof lineageColumn>;
export const columnLineageGraph = z.object({ items: z.array(lineageColumn), focus: uuid, cut: z.boolean() }).meta({ id: "ColumnLineageGraph" });
export type ColumnLineageGraph = z.infer<typeof columnLineageGraph>;

/** A job that reads a dataset: a pipeline of this environment (its namespace is lakehouse://ENVIRONMENT), or another system's. */
export const lineageReader = z.object({
  lineage_job_id: uuid, namespace: z.string(), name: z.string(), last_run_id: uuid.nullable(), state: z.enum(eventTypes).nullable(), producer: z.string().nullable(), seen_at: timestamp,
});
export type LineageReader = z.infer<typeof lineageReader>;
export const lineageReaderPage = z.object({ items: z.array(lineageReader), next_cursor: z.string().nullable() }).meta({ id: "LineageReaderPage" });

/** The events of a run and of its phases, oldest first, as OpenLineage has them. */
export const runEvents = z.object({ items: z.array(jsonObject), next_cursor: z.null() }).meta({ id: "OpenLineageRunEvents" });

