import { canonicalJson } from "../../contracts/canonical.ts";
import { engineLabel, type Engine } from "../../contracts/pipeline.ts";
import { NeedsLabels } from "../core/errors.ts";
import type { PhaseContext, PhaseHandler } from "../core/phase.ts";
import type { ArtifactContent } from "../core/upload.ts";

/** What an engine answers to one question. */
export interface QueryAnswer {
  /** All rows as Parquet, in the query's own order. */
  content: ArtifactContent;
  rows: number;
  /** Types are the lake's: `long`, `decimal(18,2)`, `timestamp` … */
  columns: { name: string; type: string }[];
  /** The first rows, values in the order of the columns. 64-bit integers, decimals, dates and times are text. */
  sample: unknown[][];
  /** Datasets that were read. */
  inputs: string[];
  metrics: Record<string, unknown>;
}
export type QueryEngine = (context: PhaseContext<"query">, sql: string) => Promise<QueryAnswer>;

/**
 * Asks one question and keeps three artifacts: its text (`<phase>.sql`), the whole result (`<phase>.parquet`) and a
 * manifest with the columns and the first rows (`<phase>.result.json`), the same whichever engine answers.
 */
export function queryPhase(engines: Partial<Record<Engine, QueryEngine>>): PhaseHandler<"query"> {
  return async (context) => {
    const { config, phase } = context;
    const sql = config.sql ?? "";
    const engine = engines[config.engine];
    if (engine === undefined) throw new NeedsLabels([engineLabel(config.engine)], `this executor has no engine ${config.engine}`);
    const answer = await engine(context, sql);
    const { rows: row_count, columns } = answer;
    const text = await context.addArtifact({ name: `${phase.name}.sql`, kind: "report", content_type: "application/sql", content: { text: sql } });
    const rows = await context.addArtifact({
      name: `${phase.name}.parquet`, kind: "dataset", content_type: "application/vnd.apache.parquet", content: answer.content, metadata: { rows: row_count, columns },
    });
    const manifest = { sql_sha256: text.sha256, rows_sha256: rows.sha256, row_count, columns, inputs: answer.inputs, sample: answer.sample };
    const result = await context.addArtifact({
      name: `${phase.name}.result.json`, kind: "manifest", content_type: "application/json", content: { text: canonicalJson(manifest) }, metadata: { rows: row_count },
    });
    context.progress(`The query answered ${row_count} rows.`, { rows: row_count });
    return {
      output: { tables: [], facts: { row_count, rows_sha256: rows.sha256, result_sha256: result.sha256 } },
      metrics: { rows: row_count, bytes: Number(rows.byte_size), ...answer.metrics },
    };
  };
}
