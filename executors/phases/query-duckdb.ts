import { join } from "node:path";
import type { CopyResult, QueryResult } from "../engines/duckdb-job.ts";
import { literal } from "../engines/duckdb-sql.ts";
import { deltaType } from "../lake/delta-types.ts";
import { runEngine } from "./engine.ts";
import { inputViews, pastViews } from "./inputs.ts";
import type { QueryEngine } from "./query.ts";

/** DuckDB over the datasets that the phase names. */
export const queryDuckdb: QueryEngine = async (context, sql) => {
  const { config, phase } = context;
  const views = [...(await inputViews(context, { required: config.inputs })), ...(await pastViews(context, config.past))];
  const to = join(context.scratch, "result.parquet");
  const outcome = await runEngine(context, {
    views,
    steps: [
      { kind: "copy", name: phase.name, sql, key: null, to },
      { kind: "query", name: phase.name, sql: `select * from read_parquet(${literal(to)}) limit ${config.sample_rows}`, max_rows: config.sample_rows },
    ],
  });
  const [written, sample] = outcome.results as [CopyResult, QueryResult];
  // Refuses what Parquet would change without a word.
  const columns = written.columns.map(({ name, type }) => ({ name, type: deltaType(`${phase.name}.${name}`, type) }));
  return {
    content: { file: to, known: { sha256: written.file!.sha256, byte_size: written.file!.bytes } }, rows: written.rows, columns, inputs: views.map((view) => view.name),
    sample: sample.rows.map((row) => columns.map(({ name }) => row[name] ?? null)),
    metrics: { seconds: Math.round(written.seconds * 1000) / 1000, peak_memory_bytes: outcome.peak_memory_bytes, cpu_seconds: outcome.cpu_seconds },
  };
};
