"use client";

import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";
import { Duration } from "@/components/common/duration";
import { Link } from "@/components/common/link";
import { phaseStatusLooks } from "@/components/common/status-looks";
import type { RunPhase } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { graphOf, type PlacedPhase } from "./graph-layout";

// In pixels.
const size = { width: 200, height: 56 };
const gap = { x: 56, y: 16 };
const margin = 12;
const leftOf = ({ column }: PlacedPhase) => margin + column * (size.width + gap.x);
const topOf = ({ row }: PlacedPhase) => margin + row * (size.height + gap.y);

/** The phases and what waits for what. Arrow keys go along the lines, Enter opens the phase in the timeline, which says the same as a table. */
export function GraphPanel({ runId, phases }: { runId: string; phases: RunPhase[] }) {
  const graph = useMemo(() => graphOf(phases), [phases]);
  const box = useRef<HTMLDivElement>(null);
  const failed = graph.nodes.find(({ phase }) => phase.status === "failed") ?? graph.nodes.find(({ phase }) => phase.status === "running");
  const [left, top] = failed === undefined ? [0, 0] : [leftOf(failed) - size.width, topOf(failed) - size.height * 2];
  useEffect(() => box.current?.scrollTo(left, top), [left, top]);

  const move = (event: KeyboardEvent) => {
    const name = event.target instanceof HTMLElement ? event.target.dataset.phase : undefined;
    const here = graph.nodes.find(({ phase }) => phase.name === name);
    if (here === undefined) return;
    const { column, row } = here;
    const beside = (other: PlacedPhase | undefined) => other?.phase.name;
    const next = {
      ArrowRight: beside(graph.edges.find(({ from }) => from === here)?.to),
      ArrowLeft: beside(graph.edges.find(({ to }) => to === here)?.from),
      ArrowDown: beside(graph.nodes.find((each) => each.column === column && each.row === row + 1)),
      ArrowUp: beside(graph.nodes.find((each) => each.column === column && each.row === row - 1)),
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    box.current?.querySelector<HTMLElement>(`[data-phase="${next}"]`)?.focus();
  };

  const width = margin * 2 + graph.columns * (size.width + gap.x) - gap.x;
  const height = margin * 2 + graph.rows * (size.height + gap.y) - gap.y;
  return (
    <div ref={box} role="region" aria-label="Graph of the phases" tabIndex={0} onKeyDown={move} className="max-h-[70vh] overflow-auto rounded-md border focus-visible:-outline-offset-2">
      <div className="relative" style={{ width, height }}>
        <svg width={width} height={height} className="absolute inset-0 text-muted-foreground" aria-hidden>
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor" /></marker>
          </defs>
          {graph.edges.map(({ from, to }) => {
            const [x1, y1, x2, y2] = [leftOf(from) + size.width, topOf(from) + size.height / 2, leftOf(to) - 2, topOf(to) + size.height / 2];
            const bend = Math.max(gap.x / 2, (x2 - x1) / 2);
            return <path key={`${from.phase.name} ${to.phase.name}`} d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} fill="none" stroke="currentColor" strokeOpacity="0.6" markerEnd="url(#arrow)" />;
          })}
        </svg>
        <ul>
          {graph.nodes.map((node) => <Node key={node.phase.name} node={node} runId={runId} />)}
        </ul>
      </div>
    </div>
  );
}

function Node({ node, runId }: { node: PlacedPhase; runId: string }) {
  const { phase } = node;
  const { icon: Icon, word, text, spins, variable } = phaseStatusLooks[phase.status];
  const after = phase.depends_on.length === 0 ? "starts at once" : `after ${phase.depends_on.join(", ")}`;
  return (
    <li className="absolute" style={{ insetInlineStart: leftOf(node), top: topOf(node), ...size }}>
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
          <span className="sr-only">{after}</span>
        </span>
      </Link>
    </li>
  );
}
