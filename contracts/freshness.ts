import { z } from "zod";
import { bigintText, datasetName, page, pageQuery, timestamp, uuid, word } from "./common.ts";
import { layer } from "./dataset.ts";
import { freshnessStates } from "./words.ts";

export const freshnessState = z.enum(freshnessStates);
export type FreshnessState = z.infer<typeof freshnessState>;

/** A dataset that a pipeline promises to keep fresh, as it is now. */
export const freshness = z.object({
  dataset_id: uuid,
  environment_id: uuid,
  name: datasetName,
  layer: layer.nullable(),
  table_group: z.string().nullable().describe("the table group that a pipeline names with its promise: finance, operations, master_data"),
  version: z.int(),
  run_id: uuid,
  state: freshnessState,
  data_at: timestamp.describe("of when the data are"),
  published_at: timestamp,
  late_after_seconds: z.int(),
  max_age_seconds: z.int(),
  late_at: timestamp,
  breach_at: timestamp.describe("when the promise is broken, if nothing is published until then"),
  cadence_seconds: z.number().nullable().describe("median time between the last ten versions; null below three"),
  expected_at: timestamp.nullable().describe("when the next version comes, if the cadence holds"),
  forecast_breach_at: timestamp.nullable().describe("breach_at, where the next version is expected only after it"),
}).meta({ id: "Freshness" });
export type Freshness = z.infer<typeof freshness>;
export const freshnessPage = page(freshness).meta({ id: "FreshnessPage" });
export const listFreshnessQuery = pageQuery.extend({ environment_id: uuid, name: datasetName.optional(), state: freshnessState.optional(), table_group: word.optional() });

/** A change of a dataset's state, or of its forecast, as the monitor saw it. */
export const freshnessSignal = z.object({
  signal_id: bigintText,
  environment_id: uuid,
  dataset_id: uuid,
  dataset: datasetName,
  state: freshnessState,
  forecast: z.boolean().describe("a breach is expected"),
  data_at: timestamp,
  breach_at: timestamp,
  run_id: uuid.describe("what published the version that was current then"),
  created_at: timestamp,
}).meta({ id: "FreshnessSignal" });
export type FreshnessSignal = z.infer<typeof freshnessSignal>;
export const freshnessSignalPage = page(freshnessSignal).meta({ id: "FreshnessSignalPage" });
/** Newest first. */
export const listFreshnessSignalsQuery = pageQuery.extend({ environment_id: uuid, dataset: datasetName.optional(), state: freshnessState.optional() });
