import type { z } from "zod";
import type { heartbeatRequest } from "../../contracts/claim.ts";

/** Rows and bytes that were read, and what they cost: the units of caps. */
export type Usage = NonNullable<z.output<typeof heartbeatRequest>["usage"]>;
const units = ["rows", "bytes", "cost"] as const satisfies readonly (keyof Usage)[];

export interface Meter {
  /** What the phase has used so far. Figures that are no numbers are left out. */
  note(phase: string, figures: Record<string, unknown>): void;
  /** Of all phases together; undefined where none has said anything. */
  total(): Usage | undefined;
}

/** What the phases of one attempt use, told with each heartbeat: so that a cap ends a run in the middle of a phase. */
export function openMeter(): Meter {
  const phases = new Map<string, Usage>();
  return {
    note(phase, figures) {
      const said = phases.get(phase) ?? {};
      for (const unit of units) {
        const figure = figures[unit];
        if (typeof figure === "number" && figure >= 0 && figure <= 1e18) said[unit] = figure;
      }
      if (Object.keys(said).length > 0) phases.set(phase, said);
    },
    total() {
      if (phases.size === 0) return undefined;
      const total: Usage = {};
      for (const said of phases.values()) for (const unit of units) if (said[unit] !== undefined) total[unit] = (total[unit] ?? 0) + said[unit];
      return total;
    },
  };
}
