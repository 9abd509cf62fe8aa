import { ControlRoomError } from "../../contracts/error.ts";
import type { PhaseSpec, PipelineSpec } from "../../contracts/pipeline.ts";
import { phasesBefore } from "../../contracts/spec-meaning.ts";

export interface Range { column: string; from: string; to: string }

/**
 * The part of a pipeline that lands these tables, checks and publishes them, with the range on each of them: a run of it reads those rows anew and merges
 * them into what is registered (docs/pipelines.md). Throws ControlRoomError `invalid_input` where the pipeline does not land a table, or follows a log.
 */
export function rangeReplay(spec: PipelineSpec, tables: string[], range: Range): Record<string, unknown> {
  const datasets = new Set<string>();
  const kept = spec.phases.flatMap((phase): PhaseSpec[] => {
    if (phase.type === "publish") return [phase];
    if (phase.type !== "ingest" || !("mode" in phase.config)) return [];
    const { config } = phase;
    const its = config.tables.filter(({ name }) => tables.includes(name));
    if (its.length === 0) return [];
    if (config.mode === "cdc") throw new ControlRoomError("invalid_input", `${phase.name} follows the source's log, which has no ranges: run it once with cdc.resync to read all of it.`);
    its.forEach(({ name }) => datasets.add(`${config.target}.${name}`));
    return [{ ...phase, config: { ...config, tables: its.map((table) => ({ ...table, range })) } }];
  });
  const missing = tables.filter((name) => !kept.some((phase) => phase.type === "ingest" && phase.config.tables.some((table) => table.name === name)));
  if (missing.length > 0) throw new ControlRoomError("invalid_input", `${spec.name} lands no table ${missing.join(", ")} of a database.`);
  const checks = spec.quality.filter(({ dataset }) => datasets.has(dataset));
  const validating = checks.length === 0 ? [] : spec.phases.flatMap((phase): PhaseSpec[] => {
    if (phase.type !== "validate") return [];
    const named = phase.config.datasets?.filter((name) => datasets.has(name));
    return named?.length === 0 ? [] : [{ ...phase, config: named === undefined ? {} : { datasets: named } }];
  });
  const names = new Set([...kept, ...validating].map(({ name }) => name));
  const before = phasesBefore(spec);
  // In the pipeline's order; what lay between two of them is gone, so each depends on all that came before.
  const phases = spec.phases.flatMap(({ name }) => [...kept, ...validating].find((phase) => phase.name === name) ?? []).map((phase) => ({ ...phase, depends_on: [...before.get(phase.name)!].filter((name) => names.has(name)).toSorted() }));
  const masked = Object.entries(spec.masked ?? {}).filter(([name]) => datasets.has(name));
  return {
    version: 1, name: spec.name, ...(spec.layer === undefined ? {} : { layer: spec.layer }), parameters: spec.parameters, phases, quality: checks,
    ...(masked.length === 0 ? {} : { masked: Object.fromEntries(masked) }),
  };
}
