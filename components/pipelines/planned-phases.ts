import { z } from "zod";
import type { PlannedPhase } from "./phase-list";

/** Stored specs were checked when they were saved, perhaps by another version: what is missing here is left out, never an error. */
const table = z.object({ name: z.string() }).catch({ name: "?" });
const planned = z.object({
  phases: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      depends_on: z.array(z.string()).catch([]),
      timeout_seconds: z.number().nullable().catch(null),
      max_retries: z.number().catch(0),
      config: z.object({ tables: z.array(table).catch([]), target: z.string().optional().catch(undefined) }).catch({ tables: [], target: undefined }),
    }),
  ),
});

export function plannedPhases(spec: Record<string, unknown>): PlannedPhase[] {
  const parsed = planned.safeParse(spec);
  if (!parsed.success) return [];
  return parsed.data.phases.map(({ config, ...phase }) => ({
    ...phase,
    tables: config.tables.map((each) => (config.target && !each.name.includes(".") ? `${config.target}.${each.name}` : each.name)),
  }));
}
