"use client";

import { useState } from "react";
import { PhaseGraph } from "@/components/graph/phase-graph";
import { Button } from "@/components/ui/button";
import { words } from "@/lib/messages/graph";
import { PhaseList, type PlannedPhase } from "./phase-list";

const views = ["list", "graph"] as const;
const lookOf = () => "text-muted-foreground";

/** The phases of a spec: as a list with all that it says of them, or as a graph of what waits for what, which leads to the list. */
export function PhasePlan({ phases }: { phases: PlannedPhase[] }) {
  const [view, setView] = useState<(typeof views)[number]>("list");
  return (
    <div className="grid min-w-0 gap-2">
      {phases.length < 2 ? null : (
        <div role="group" aria-label={words.viewOfPhases} className="inline-flex gap-1">
          {views.map((each) => <Button key={each} size="sm" variant={view === each ? "secondary" : "ghost"} aria-pressed={view === each} onClick={() => setView(each)}>{words[each]}</Button>)}
        </div>
      )}
      {view === "list" ? <PhaseList phases={phases} /> : <PhaseGraph phases={phases.map((phase, position) => ({ ...phase, position }))} lookOf={lookOf} draw={(phase) => <Node phase={phase} onOpen={() => setView("list")} />} />}
    </div>
  );
}

function Node({ phase, onOpen }: { phase: PlannedPhase; onOpen: () => void }) {
  return (
    <a href={`#phase-${phase.name}`} data-phase={phase.name} onClick={onOpen} className="grid size-full content-center gap-0.5 rounded-md border bg-card px-2.5 hover:bg-accent">
      <span className="truncate font-medium" title={phase.name}>{phase.name}</span>
      <span className="truncate text-xs text-muted-foreground">{phase.type}</span>
      <span className="sr-only">{words.waitsFor(phase.depends_on)}</span>
    </a>
  );
}
