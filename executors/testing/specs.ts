/** A spec as a person would send it; the control room fills in the defaults. */
export interface SpecInput {
  version: 1;
  name: string;
  phases: Record<string, unknown>[];
  [key: string]: unknown;
}

/** Phases after one another that do nothing by themselves: for tests that are the executor. */
export function idleSpec(phases: string[] = ["only"], name = "idle"): SpecInput {
  return { version: 1, name, phases: phases.map((phase, index) => ({ name: phase, type: "query", depends_on: index === 0 ? [] : [phases[index - 1]], config: { sql: "select 1 as one" } })) };
}

/** Computes one table and publishes it. */
export function tableSpec(table: string, sql: string, more: { mode?: "append" | "overwrite"; timeout_seconds?: number; inputs?: string[] } = {}): SpecInput {
  return {
    version: 1, name: "one_table",
    phases: [
      { name: "compute", type: "transform", timeout_seconds: more.timeout_seconds ?? 120, config: { inputs: more.inputs ?? [], tables: [{ name: table, key: ["id"], mode: more.mode ?? "overwrite", sql }] } },
      { name: "check", type: "validate", depends_on: ["compute"] },
      { name: "publish", type: "publish", depends_on: ["check"], config: { export: true } },
    ],
    quality: [{ dataset: table, check: "row_count", min: 1 }],
  };
}

/**
 * SQL that keeps one core busy for some seconds and answers one row: `millions` of hashed pairs, about a third of a
 * second each million on a quiet core. Nothing to shortcut, little memory.
 */
export function slowSql(millions: number): string {
  return `select 1 as id, count(*) as n, bit_xor(hash(md5(a.range::varchar || ':' || b.range::varchar)))::varchar as fold from range(${millions * 1000}) as a, range(1000) as b`;
}

/** Lands one table of a Postgres source. */
export function ingestSpec(connection: string, table = "res_company"): SpecInput {
  return {
    version: 1, name: "one_source",
    phases: [
      { name: "land", type: "ingest", timeout_seconds: 60, config: { source: "postgres", connection, target: "bronze", tables: [{ name: table, key: ["id"] }] } },
      { name: "publish", type: "publish", depends_on: ["land"] },
    ],
  };
}
