import type { PhaseContext } from "../core/phase.ts";
import { type DuckdbJob, type DuckdbOutcome, runDuckdb } from "../engines/duckdb.ts";

/** A phase's context for what does not depend on its type. */
export type PhaseScope = Omit<PhaseContext, "phase" | "config"> & { phase: Pick<PhaseContext["phase"], "name" | "timeout_seconds"> };

/** Runs a job of the phase on DuckDB: within the phase's limits and time, reading and writing in its scratch folder. */
export function runEngine(context: PhaseScope, job: DuckdbJob): Promise<DuckdbOutcome> {
  return runDuckdb(
    { ...job, variables: { ...variables(context.parameters), ...job.variables } },
    {
      signal: context.signal,
      memory_mb: context.limits.memory_mb,
      threads: context.limits.threads,
      user: context.limits.child_user,
      scratch: context.scratch,
      directories: [context.scratch],
      timeout_ms: context.phase.timeout_seconds * 1000,
      output: (stream, line) => context.output(stream, line),
      onStep: ({ name }) => context.log("debug", "engine step", { step: name }),
    },
  );
}

/** The run's parameters as SQL sees them: `getvariable('as_of')`, text or null. */
function variables(parameters: Record<string, unknown>): Record<string, string | null> {
  const text = (value: unknown): string | null => {
    if (value === null || value === undefined) return null;
    return typeof value === "string" ? value : JSON.stringify(value);
  };
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, text(value)]));
}
