import { z } from "zod";
import { capUse, datasetName, identifier, jsonObject, templated, text, word } from "./common.ts";
import { layer } from "./dataset.ts";
import { fileIngestConfig } from "./pipeline-files.ts";
import { severity } from "./quality.ts";

export const phaseTypes = ["ingest", "validate", "transform", "publish", "query", "connect", "maintain", "reseal"] as const;
export const phaseType = z.enum(phaseTypes);
export type PhaseType = z.infer<typeof phaseType>;
/** What computes inside a phase. `duckdb` reads and writes the lake; `postgres` asks a connection. */
export const engines = ["duckdb", "postgres"] as const;
export const engine = z.enum(engines);
export type Engine = z.infer<typeof engine>;
export const sourceKinds = ["postgres", "odoo"] as const;
export const sourceKind = z.enum(sourceKinds);

/** The label of executors that have the engine; a released run asks for it by that. */
export function engineLabel(engine: Engine): string {
  return `engine:${engine}`;
}
/** The label of executors without a time limit of their own. */
export const longRuntimeLabel = "runtime:long";
/** The label of executors that keep large files on a disk, not in memory. */
export const largeMemoryLabel = "memory:large";

const sql = text.min(1).max(200_000);

export const sourceTable = z.strictObject({
  name: identifier,
  group: word.optional(),
  key: z.array(identifier).min(1),
  exclude: z.array(identifier).default([]).describe("columns that never land"),
  mask: z.array(identifier).optional().describe("text columns that land as *** where they have a value"),
  optional: z.boolean().default(false).describe("absent in the source is no error"),
  range: z.strictObject({
    column: identifier,
    from: templated.default("").describe("rows from this value on"),
    to: templated.default("").describe("rows before this value"),
  }).optional().describe("reads these rows anew and merges them by key into the registered version; without from and to, as when parameters are left out, the table lands as ever"),
});
/** Names that PostgreSQL takes for a replication slot. */
export const slotName = z.string().regex(/^[a-z0-9_]{1,63}$/, "lower-case letters, digits and underscores");
export const changeCapture = z.strictObject({
  slot: slotName.describe("the replication slot, of this pipeline in this environment alone; made by the first run"),
  publication: slotName.describe("has all tables; made by the source's owner"),
  resync: z.union([z.boolean(), templated]).default(false).describe("true reads every table whole, with a new slot where the old one is lost"),
});
/** Of databases; files have one of their own (pipeline-files.ts). */
export const ingestConfig = z.strictObject({
  source: sourceKind,
  connection: templated.default("odoo"),
  mode: z.enum(["full", "incremental", "cdc"]).default("full").describe("incremental reads what changed since the registered version, and the keys of all rows; cdc reads changes from the source's log; the result is the same"),
  cdc: changeCapture.optional().describe("mode cdc only, which needs it"),
  schema: identifier.default("public"),
  target: word.default("bronze").describe("schema of the datasets that are written"),
  companies: z.array(text.min(1).max(200)).min(1).max(1000).optional().describe("odoo only: names of companies. Tables with a company_id land their rows and those of no company, res_company itself; other tables land whole"),
  tables: z.array(sourceTable).min(1).max(2000),
}).refine((config) => config.source === "odoo" || config.companies === undefined, { path: ["companies"], error: "only an odoo has companies" })
  .refine((config) => (config.mode === "cdc") === (config.cdc !== undefined), { path: ["cdc"], error: "mode cdc needs a slot and a publication, and only it has them" })
  .refine((config) => config.mode !== "cdc" || config.tables.every(({ range }) => range === undefined), { path: ["tables"], error: "mode cdc reads no range: what the log told cannot be told again" });
/** `sql_file` is read when a spec is loaded from a folder; a stored spec always holds `sql`. */
const sqlText = z.strictObject({ sql: sql.optional(), sql_file: z.string().max(300).optional() });
const oneSql = { error: "needs exactly one of sql and sql_file" };
const targetTable = sqlText.extend({
  name: datasetName,
  key: z.array(identifier).min(1).describe("unique; the rows are written in its order"),
  mode: z.enum(["overwrite", "append", "merge"]).default("overwrite").describe("merge: rows replace the registered ones of their key, the others stay"),
  partition_by: z.array(identifier).min(1).max(4).optional().describe("a file for each of their values; a reader that asks for one of them reads that file alone"),
  deleted: identifier.optional().describe("mode merge only: a boolean column of the query; where it is true the key is removed"),
}).refine((table) => (table.sql === undefined) !== (table.sql_file === undefined), oneSql)
  .refine((table) => table.deleted === undefined || table.mode === "merge", { path: ["deleted"], error: "only mode merge removes keys" });
const pastInput = z.strictObject({
  dataset: datasetName,
  as: datasetName.describe("the name under which SQL sees it"),
  version: z.union([z.int().min(1).max(999_999_999), templated]).optional().describe("a registered version"),
  timestamp: templated.optional().describe("RFC 3339: the version that readers followed then"),
}).refine((input) => (input.version === undefined) !== (input.timestamp === undefined), { error: "needs exactly one of version and timestamp" });
export type PastInput = z.infer<typeof pastInput>;
const past = z.array(pastInput).max(100).optional().describe("earlier versions of datasets, each under a name of its own");
export const transformConfig = z.strictObject({
  engine: z.enum(["duckdb"]).default("duckdb"),
  inputs: z.array(datasetName).max(500).default([]),
  past,
  tables: z.array(targetTable).min(1).max(500),
});
export const validateConfig = z.strictObject({ datasets: z.array(datasetName).optional().describe("narrows the spec's quality list") });
export const publishConfig = z.strictObject({ export: z.boolean().default(false).describe("also register each table's Parquet as a dataset artifact") });
/** Asks a connection of any kind whether it answers; what a test of a connection is. */
export const connectConfig = z.strictObject({ connection: templated.min(1) });
/** Care for published tables; their rows stay as they are. */
export const maintainConfig = z.strictObject({
  datasets: z.array(datasetName).min(1).max(500),
  compact: z.boolean().default(false).describe("writes the files of a table into one (one for each partition), as a new version"),
  vacuum: z.strictObject({ retain_hours: z.int().min(1).max(87_600).default(168) }).optional().describe("removes files that no version needs which readers followed within this time"),
}).refine((config) => config.compact || config.vacuum !== undefined, { error: "needs compact: true, vacuum, or both" });
/** Seals every secret of the environment to its newest key; only a run that the control room itself made for it is given them. */
export const resealConfig = z.strictObject({});
export const queryConfig = sqlText.extend({
  engine: engine.default("duckdb").describe("duckdb asks the lake's datasets, postgres a connection"),
  connection: templated.optional().describe("engine postgres only: the connection that answers"),
  inputs: z.array(datasetName).max(500).default([]).describe("engine duckdb only: datasets that the query reads"),
  past,
  sample_rows: z.int().min(1).max(1000).default(50),
}).refine((config) => (config.sql === undefined) !== (config.sql_file === undefined), oneSql)
  .refine((config) => (config.engine === "postgres") === (config.connection !== undefined), { path: ["connection"], error: "engine postgres needs a connection, and only it has one" })
  .refine((config) => config.engine === "duckdb" || (config.inputs.length === 0 && config.past === undefined), { path: ["inputs"], error: "only engine duckdb reads datasets" });

/** One child run for each item; the phase ends with what all of them made. */
export const forEach = z.strictObject({
  parameter: word.describe("the parameter that takes the item"),
  items: z.array(z.union([text.min(1).max(200), z.number(), z.boolean()])).min(1).max(1000).optional(),
  items_from: word.optional().describe("a parameter of the run that holds the list"),
  max_active: z.int().min(1).max(1000).optional().describe("child runs at a time"),
}).refine((each) => (each.items === undefined) !== (each.items_from === undefined), { error: "needs exactly one of items and items_from" });
export type ForEach = z.infer<typeof forEach>;

const phaseBase = z.strictObject({
  name: word,
  depends_on: z.array(word).max(100).default([]),
  timeout_seconds: z.int().min(1).max(604_800).default(3600),
  max_retries: z.int().min(0).max(20).default(0),
  run_if: z.enum(["all_success", "all_done", "one_failed"]).default("all_success"),
  for_each: forEach.optional(),
});
export const phaseSpec = z.discriminatedUnion("type", [
  phaseBase.extend({ type: z.literal("ingest"), config: z.discriminatedUnion("source", [ingestConfig, fileIngestConfig]) })
    .refine((phase) => phase.for_each === undefined || !("mode" in phase.config) || phase.config.mode !== "cdc", { path: ["for_each"], error: "a slot has one reader: items cannot share it" }),
  phaseBase.extend({ type: z.literal("validate"), config: validateConfig.default({}) }),
  phaseBase.extend({ type: z.literal("transform"), config: transformConfig })
    .refine((phase) => phase.for_each === undefined || phase.config.tables.every((table) => table.mode !== "merge"), { path: ["for_each"], error: "a merge follows one version: items cannot merge into a table at once" }),
  phaseBase.extend({ type: z.literal("publish"), config: publishConfig.default({ export: false }) }),
  phaseBase.extend({ type: z.literal("query"), config: queryConfig }),
  phaseBase.extend({ type: z.literal("connect"), config: connectConfig }),
  phaseBase.extend({ type: z.literal("maintain"), config: maintainConfig }),
  phaseBase.extend({ type: z.literal("reseal"), config: resealConfig.default({}) }),
]);
export type PhaseSpec = z.infer<typeof phaseSpec>;
export type TableIngestConfig = z.infer<typeof ingestConfig>;
export type PhaseConfig<T extends PhaseType> = Extract<PhaseSpec, { type: T }>["config"];

/** The engine that a phase needs: what works on the lake does so with DuckDB. Null: none. */
export function engineOf(phase: PhaseSpec): Engine | null {
  if (phase.type === "connect") return null;
  return phase.type === "query" ? phase.config.engine : "duckdb";
}

const checkBase = z.strictObject({ dataset: datasetName, severity: severity.default("fail") });
/** What a schema may do against the registered version; without a word the check's severity tells. */
const drift = z.enum(["allow", "warn", "fail"]);
export const qualityCheck = z.discriminatedUnion("check", [
  checkBase.extend({
    check: z.literal("row_count"), min: z.int().min(0).optional(), max: z.int().min(0).optional(),
    min_of_previous: z.number().min(0).optional().describe("at least this share of the registered version's rows; 0.5 is half of them"),
    max_of_previous: z.number().min(0).optional(),
  }),
  checkBase.extend({ check: z.literal("null_check"), columns: z.array(identifier).min(1), max_fraction: z.number().min(0).max(1).default(0) }),
  checkBase.extend({ check: z.literal("unique"), columns: z.array(identifier).min(1) }),
  checkBase.extend({ check: z.literal("range"), column: identifier, min: z.number().optional(), max: z.number().optional() }),
  checkBase.extend({ check: z.literal("accepted_values"), column: identifier, values: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1) }),
  checkBase.extend({ check: z.literal("referential_integrity"), column: identifier, references: z.strictObject({ dataset: datasetName, column: identifier }) }),
  checkBase.extend({ check: z.literal("schema_drift"), added: drift.default("allow"), removed: drift.optional(), retyped: drift.optional() }),
  checkBase.extend({ check: z.literal("freshness"), column: identifier.describe("a date or timestamp; its newest value counts"), max_age_seconds: z.int().min(1).max(315_360_000) }),
  checkBase.extend({ check: z.literal("custom_sql"), name: word, sql: sql.describe("selects the rows that are wrong; with severity quarantine it answers the table's key") }),
]);
export type QualityCheck = z.infer<typeof qualityCheck>;

/** JSON Schema 2020-12 of the parameters: an object whose properties become the fields of the run form. */
const parametersSchema = z.looseObject({
  type: z.literal("object"),
  properties: z.record(word, jsonObject).default({}),
  required: z.array(word).optional(),
});

export const pipelineSpec = z.strictObject({
  version: z.literal(1),
  name: word.describe("the template_key"),
  title: text.max(200).optional(),
  description: text.max(5000).optional(),
  layer: layer.optional(),
  owner: text.max(200).optional(),
  tags: z.array(word).max(50).default([]),
  schedule: z.strictObject({ cron: z.string().max(200), time_zone: z.string().max(100).default("UTC") }).optional(),
  timeout_seconds: z.int().min(1).max(604_800).optional().describe("from the run's first start to its end, over all attempts"),
  limits: z.strictObject({
    max_active: z.int().min(1).max(10_000).optional().describe("runs of this pipeline that are active at once"),
    max_starts: z.int().min(1).max(10_000).optional().describe("starts within per_seconds at most, evenly spaced"),
    per_seconds: z.int().min(1).max(86_400).optional(),
  }).refine((limits) => (limits.max_starts === undefined) === (limits.per_seconds === undefined), { error: "max_starts and per_seconds go together" }).optional(),
  caps: z.array(capUse).max(4).optional(),
  parameters: parametersSchema.default({ type: "object", properties: {} }),
  phases: z.array(phaseSpec).min(1).max(500),
  quality: z.array(qualityCheck).max(5000).default([]),
  freshness: z.array(z.strictObject({
    dataset: datasetName.optional(),
    group: word.optional().describe("the table group that the dataset belongs to; without a dataset, the promise is for every table of the group that this pipeline lands"),
    max_age_seconds: z.int().min(1).max(315_360_000).describe("how old the data may be before the promise is broken"),
    late_after_seconds: z.int().min(1).optional().describe("from when on they are late; without a word after four fifths of max_age_seconds"),
  }).refine((target) => (target.late_after_seconds ?? 1) <= target.max_age_seconds, { error: "late_after_seconds is at most max_age_seconds", path: ["late_after_seconds"] })
    .refine((target) => target.dataset !== undefined || target.group !== undefined, { error: "needs a dataset, a group, or both" })).max(500).optional(),
  masked: z.record(datasetName, z.array(identifier).min(1)).optional().describe("columns whose values no sample of wrong rows shows"),
}).meta({ id: "PipelineSpec", title: "Lakehouse Control Room pipeline" });
export type PipelineSpec = z.infer<typeof pipelineSpec>;
