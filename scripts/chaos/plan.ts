import { between, pick, seeded } from "./random.ts";

export const faultKinds = [
  "kill_executor", "pause_executor", "shift_clock", "kill_database", "kill_web", "kill_rest", "delay_link", "cut_link", "sever_link",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  at_ms: number;
  kind: FaultKind;
  /** Which executor, in [0, 1): those that there are share the range. */
  target: number;
  for_ms: number;
}

/** A part that ends more than five times a minute is given up by its supervisor, which is another test's business. */
const mostInAMinute: Partial<Record<FaultKind, number>> = { kill_database: 4, kill_web: 3, kill_rest: 3 };

/** The faults of a storm, by its seed alone: each kind once, then any kind, about one every `every_ms`. */
export function planFaults(options: { seed: number; seconds: number; lease_seconds: number; kinds: readonly FaultKind[]; every_ms: number }): Fault[] {
  const random = seeded(options.seed, "faults");
  const total_ms = options.seconds * 1000;
  const faults: Fault[] = [];
  const used = new Map<FaultKind, number>();
  const first = options.kinds.map((kind) => ({ kind, order: random() })).toSorted((a, b) => a.order - b.order).map(({ kind }) => kind);
  // The last second is left to what is under way, so that the longest fault begins before the end.
  const every = options.kinds.length === 0 ? total_ms : Math.min(options.every_ms, (total_ms - 1000) / options.kinds.length);
  for (let at = every / 2; at < total_ms - 1000; at += every) {
    const open = options.kinds.filter((kind) => (used.get(kind) ?? 0) < (mostInAMinute[kind] ?? Infinity) * Math.ceil(options.seconds / 60));
    if (open.length === 0) break;
    const kind = first.shift() ?? pick(random, open);
    used.set(kind, (used.get(kind) ?? 0) + 1);
    faults.push({ at_ms: Math.round(at + between(random, -every / 3, every / 3)), kind, target: random(), for_ms: Math.round(durationOf(kind, options.lease_seconds, random())) });
  }
  return faults.toSorted((a, b) => a.at_ms - b.at_ms);
}

function durationOf(kind: FaultKind, lease_seconds: number, share: number): number {
  switch (kind) {
    case "pause_executor": return lease_seconds * 1000 + 300 + share * 1500;
    case "delay_link": return 1000 + share * 2000;
    case "cut_link": return 500 + share * (lease_seconds * 1000 + 1000);
    case "kill_executor": case "shift_clock": case "kill_database": case "kill_web": case "kill_rest": case "sever_link": return 0;
  }
}
