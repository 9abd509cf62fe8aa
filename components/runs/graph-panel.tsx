"use client";

import { Duration } from "@/components/common/duration";
import { Link } from "@/components/common/link";
import { phaseStatusLooks } from "@/components/common/status-looks";
import { PhaseGraph } from "@/components/graph/phase-graph";
import type { RunPhase } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/graph";

const lookOf = (phase: RunPhase) => phaseStatusLooks[phase.status].text;

/** The phases and what waits for what, at the one that failed. Enter opens the phase in the timeline, which says the same as a table. */
export function GraphPanel({ runId, phases }: { runId: string; phases: RunPhase[] }) {
  const first = phases.find((phase) => phase.status === "failed") ?? phases.find((phase) => phase.status === "running");
  return <PhaseGraph phases={phases} first={first?.name} lookOf={lookOf} draw={(phase) => <Node phase={phase} runId={runId} />} />;
}

function Node({ phase, runId }: { phase: RunPhase; runId: string }) {
  const { icon: Icon, word, text, spins, variable } = phaseStatusLooks[phase.status];
  return (
    <Link
      href={`/runs/${runId}?phase=${phase.name}`} data-phase={phase.name} scroll={false} prefetch={false}
      className="grid size-full content-center gap-0.5 rounded-md border border-s-4 bg-card px-2.5 hover:bg-accent" style={{ borderInlineStartColor: `var(${variable})` }}
    >
      <span className="flex min-w-0 items-center gap-1.5">
        <Icon className={cn("size-3.5 shrink-0", text, spins && "animate-spin [animation-duration:2s] motion-reduce:animate-none")} aria-hidden />
        <span className="truncate font-medium" title={phase.name}>{phase.name}</span>
      </span>
      <span className="flex items-center justify-between gap-2 text-xs text-muted-foreground">
        <span className="truncate">{phase.type}</span>
        <span className={cn("shrink-0", text)}>{phase.started_at === null || phase.status === "reused" ? word : <><span className="sr-only">{word} </span><Duration from={phase.started_at} to={phase.finished_at} /></>}</span>
        <span className="sr-only">{words.waitsFor(phase.depends_on)}</span>
      </span>
    </Link>
  );
}
