import type { RunPhase } from "@/contracts/run";

/** What the layout reads of a phase, or of whatever else depends on others of its kind. */
type Placeable = Pick<RunPhase, "name" | "depends_on" | "position">;
/** A phase in its column (how far it is from a beginning) and row, both from 0. */
export interface PlacedPhase<P extends Placeable = RunPhase> {
  phase: P;
  column: number;
  row: number;
}
export interface PhaseGraph<P extends Placeable = RunPhase> {
  nodes: PlacedPhase<P>[];
  edges: { from: PlacedPhase<P>; to: PlacedPhase<P> }[];
  columns: number;
  rows: number;
}

const sweeps = 4;

/**
 * Phases by layers: a phase stands one column after the last of those that it depends on, and rows are ordered by the mean row of
 * their neighbours (Sugiyama, Tagawa, Toda 1981), a few times forth and back. Linear in phases and edges but for sorting. What
 * depends on a phase that is not there, or on itself by a circle, is drawn without that edge.
 */
export function graphOf<P extends Placeable>(phases: readonly P[]): PhaseGraph<P> {
  const byName = new Map(phases.map((phase) => [phase.name, phase]));
  const columnOf = columnsOf(phases, byName);
  const columns: P[][] = [];
  for (const phase of phases) (columns[columnOf.get(phase.name) ?? 0] ??= []).push(phase);
  const before = (phase: P) => [...new Set(phase.depends_on)].filter((name) => (columnOf.get(name) ?? Infinity) < (columnOf.get(phase.name) ?? 0));
  const after = new Map<string, string[]>();
  for (const phase of phases) for (const name of before(phase)) after.set(name, [...(after.get(name) ?? []), phase.name]);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    const forth = sweep % 2 === 0;
    const rowOf = new Map(columns.flatMap((column) => column.map((phase, row) => [phase.name, row] as const)));
    for (const column of forth ? columns : columns.toReversed()) {
      const weigh = new Map(column.map((phase, row) => [phase.name, mean((forth ? before(phase) : (after.get(phase.name) ?? [])).map((name) => rowOf.get(name) ?? 0)) ?? row]));
      column.sort((a, b) => (weigh.get(a.name) ?? 0) - (weigh.get(b.name) ?? 0) || a.position - b.position);
      column.forEach((phase, row) => rowOf.set(phase.name, row));
    }
  }
  const nodes = columns.flatMap((column, at) => column.map((phase, row) => ({ phase, column: at, row })));
  const nodeOf = new Map(nodes.map((node) => [node.phase.name, node]));
  const edges = nodes.flatMap((to) => before(to.phase).flatMap((name) => {
    const from = nodeOf.get(name);
    return from === undefined ? [] : [{ from, to }];
  }));
  return { nodes, edges, columns: columns.length, rows: Math.max(0, ...columns.map((column) => column.length)) };
}

const mean = (values: readonly number[]): number | null => (values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length);

/** The longest way from a beginning; by a stack of its own, since a chain may be as long as the run has phases. */
function columnsOf<P extends Placeable>(phases: readonly P[], byName: ReadonlyMap<string, P>): Map<string, number> {
  const column = new Map<string, number>();
  const open = new Set<string>();
  for (const start of phases) {
    const stack = [start];
    while (stack.length > 0) {
      const phase = stack.at(-1)!;
      open.add(phase.name);
      const next = phase.depends_on.map((name) => byName.get(name)).find((each) => each !== undefined && !column.has(each.name) && !open.has(each.name));
      if (next !== undefined && !column.has(phase.name)) {
        stack.push(next);
        continue;
      }
      if (!column.has(phase.name)) column.set(phase.name, Math.max(0, ...phase.depends_on.map((name) => (column.has(name) ? (column.get(name) ?? 0) + 1 : 0))));
      open.delete(phase.name);
      stack.pop();
    }
  }
  return column;
}
