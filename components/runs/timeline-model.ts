import type { RunEvent } from "@/contracts/event";
import type { PhaseStatus, Run, RunPhase } from "@/contracts/run";

/** Part of a bar, in Unix milliseconds. `waiting`: everything it depends on is done, but it has not begun. */
export interface Segment {
  kind: "waiting" | "earlier_attempt" | "current";
  from: number;
  to: number;
}
export interface TimelineRow {
  phase: RunPhase;
  segments: Segment[];
  /** On the chain of phases that decided when the run ended. */
  critical: boolean;
}
export interface Timeline {
  rows: TimelineRow[];
  from: number;
  to: number;
}

const time = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso));
const over: readonly PhaseStatus[] = ["succeeded", "failed"];

/**
 * The phases of a run on one axis, from its start to its end or `now` (Unix milliseconds). Time in the queue is not on
 * the axis, or an hour of waiting would squeeze a run of seconds into nothing. Reused phases have no bar: they ran elsewhere.
 */
export function timelineOf(run: Pick<Run, "started_at" | "finished_at">, phases: readonly RunPhase[], events: readonly RunEvent[], now: number): Timeline {
  const begun = phases.filter((phase) => phase.status !== "reused").map((phase) => time(phase.started_at)).filter((at) => at !== null);
  const from = Math.min(time(run.started_at) ?? now, ...begun);
  const ended = phases.filter((phase) => phase.status !== "reused").map((phase) => time(phase.finished_at)).filter((at) => at !== null);
  const to = Math.max(time(run.finished_at) ?? (run.started_at === null ? from : now), from + 1, ...ended);
  const byName = new Map(phases.map((phase) => [phase.name, phase]));
  const critical = criticalPhases(phases, byName);
  const attempts = earlierAttempts(events);
  const rows = phases.map((phase): TimelineRow => {
    const segments: Segment[] = [];
    const start = time(phase.started_at);
    if (phase.status !== "reused" && run.started_at !== null) {
      const ready = readyAt(phase, byName, from);
      const first = attempts.get(phase.name)?.[0]?.from ?? start;
      const waitsUntil = first ?? (phase.status === "pending" && run.finished_at === null ? to : null);
      if (ready !== null && waitsUntil !== null && waitsUntil > ready) segments.push({ kind: "waiting", from: ready, to: waitsUntil });
      for (const attempt of attempts.get(phase.name) ?? []) {
        if (start === null || attempt.from < start) segments.push({ kind: "earlier_attempt", from: attempt.from, to: Math.min(attempt.to, start ?? to) });
      }
      if (start !== null) segments.push({ kind: "current", from: start, to: time(phase.finished_at) ?? to });
    }
    return { phase, segments, critical: critical.has(phase.name) };
  });
  return { rows, from, to };
}

/** When the last of its dependencies was done; null while one is not. */
function readyAt(phase: RunPhase, byName: ReadonlyMap<string, RunPhase>, from: number): number | null {
  let ready = from;
  for (const name of phase.depends_on) {
    const before = byName.get(name);
    if (before === undefined || before.status === "reused" || before.status === "skipped") continue;
    const end = time(before.finished_at);
    if (end === null || !over.includes(before.status)) return null;
    ready = Math.max(ready, end);
  }
  return ready;
}

/** From the phase that ended last back along the dependency that ended last. */
function criticalPhases(phases: readonly RunPhase[], byName: ReadonlyMap<string, RunPhase>): Set<string> {
  const ran = (phase: RunPhase | undefined): phase is RunPhase => phase !== undefined && phase.finished_at !== null && over.includes(phase.status);
  const latest = (candidates: readonly RunPhase[]): RunPhase | undefined =>
    candidates.reduce<RunPhase | undefined>((last, phase) => (last === undefined || Date.parse(phase.finished_at ?? "") > Date.parse(last.finished_at ?? "") ? phase : last), undefined);
  const chain = new Set<string>();
  for (let at = latest(phases.filter(ran)); at !== undefined && !chain.has(at.name); at = latest(at.depends_on.map((name) => byName.get(name)).filter(ran))) {
    chain.add(at.name);
  }
  // A chain of one or of all tells nothing.
  return chain.size > 1 && chain.size < phases.length ? chain : new Set();
}

/** Spans between PHASE_STARTED and what ended it, where another start followed. */
function earlierAttempts(events: readonly RunEvent[]): Map<string, { from: number; to: number }[]> {
  const spans = new Map<string, { from: number; to: number }[]>();
  const open = new Map<string, number>();
  for (const event of events) {
    const at = Date.parse(event.created_at);
    if (event.phase === null) {
      if (event.type !== "LEASE_EXPIRED" && event.type !== "RUN_REQUEUED" && event.type !== "RUN_RELEASED") continue;
      for (const [name, from] of open) spans.set(name, [...(spans.get(name) ?? []), { from, to: at }]);
      open.clear();
    } else if (event.type === "PHASE_STARTED") {
      const from = open.get(event.phase);
      if (from !== undefined) spans.set(event.phase, [...(spans.get(event.phase) ?? []), { from, to: at }]);
      open.set(event.phase, at);
    } else if (event.type === "PHASE_FAILED" || event.type === "PHASE_RESET") {
      const from = open.get(event.phase);
      if (from !== undefined) spans.set(event.phase, [...(spans.get(event.phase) ?? []), { from, to: at }]);
      open.delete(event.phase);
    } else if (event.type === "PHASE_SUCCEEDED") {
      open.delete(event.phase);
    }
  }
  return spans;
}
