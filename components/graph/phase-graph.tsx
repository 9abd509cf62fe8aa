"use client";

import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef } from "react";
import { Skeleton } from "@/components/ui/skeleton";
import { words } from "@/lib/messages/graph";
import { GraphStage, type Mark } from "./graph-stage";
import type { Place, Placeable } from "./layout";
import { type Layout, useLayout } from "./use-layout";
import { isSeen, useView } from "./use-view";

// In pixels.
const size = { width: 200, height: 56 };
const gap = { x: 56, y: 16 };
const margin = 12;
const leftOf = ({ column }: Place) => margin + column * (size.width + gap.x);
const topOf = ({ row }: Place) => margin + row * (size.height + gap.y);
const boxOf = (place: Place) => ({ left: leftOf(place), top: topOf(place), ...size });

type PhaseGraphProps<P extends Placeable> = {
  phases: readonly P[];
  /** The phase that is looked at first. */
  first?: string | undefined;
  /** A class that sets the colour of a phase in the small map. */
  lookOf: (phase: P) => string;
  /** What stands at a phase's place: one link with `data-phase`. */
  draw: (phase: P) => ReactNode;
};

/** Phases and what waits for what. Arrow keys go along the lines and up and down a column, Enter opens the phase. */
export function PhaseGraph<P extends Placeable>(props: PhaseGraphProps<P>) {
  const layout = useLayout(props.phases);
  return layout === null ? <Skeleton className="h-[70vh] w-full" /> : <Graph {...props} layout={layout} />;
}

/** Only what is in view stands in the page, however many phases there are. */
function Graph<P extends Placeable>({ phases, layout, first, lookOf, draw }: PhaseGraphProps<P> & { layout: Layout }) {
  const { places } = layout;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useView(box);
  const { view, look, center, goTo } = canvas;
  const byPlace = useMemo(() => new Map([...places].map(([name, { column, row }]) => [`${column} ${row}`, name])), [places]);
  const waiting = useMemo(() => waitingFor(phases), [phases]);
  const marks = phases.flatMap((phase): Mark[] => {
    const place = places.get(phase.name);
    return place === undefined ? [] : [{ ...boxOf(place), look: lookOf(phase) }];
  });
  const opened = first === undefined ? undefined : places.get(first);
  const [column, row] = [opened?.column, opened?.row];
  useEffect(() => {
    if (column !== undefined && row !== undefined) center(boxOf({ column, row }));
    else look();
  }, [column, row, center, look]);

  const move = (event: KeyboardEvent) => {
    const name = event.target instanceof HTMLElement ? event.target.dataset.phase : undefined;
    const here = name === undefined ? undefined : places.get(name);
    const next = name === undefined || here === undefined ? (event.key === "ArrowRight" || event.key === "ArrowDown" ? (first ?? byPlace.get("0 0")) : undefined) : {
      ArrowRight: waiting.get(name)?.find((each) => (places.get(each)?.column ?? 0) > here.column),
      ArrowLeft: phases.find((phase) => phase.name === name)?.depends_on.find((each) => (places.get(each)?.column ?? here.column) < here.column),
      ArrowDown: byPlace.get(`${here.column} ${here.row + 1}`),
      ArrowUp: byPlace.get(`${here.column} ${here.row - 1}`),
    }[event.key];
    const there = next === undefined ? undefined : places.get(next);
    if (there === undefined) return;
    event.preventDefault();
    goTo(boxOf(there), `[data-phase="${next}"]`);
  };

  const width = margin * 2 + Math.max(1, layout.columns) * (size.width + gap.x) - gap.x;
  const height = margin * 2 + Math.max(1, layout.rows) * (size.height + gap.y) - gap.y;
  return (
    <GraphStage canvas={canvas} label={words.phases} width={width} height={height} marks={marks} onKeyDown={move} className="max-h-[70vh] min-h-40">
      <svg width={width} height={height} className="absolute inset-0 text-muted-foreground" aria-hidden>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor" /></marker>
        </defs>
        {phases.flatMap((phase) => phase.depends_on.map((name) => {
          const [from, to] = [places.get(name), places.get(phase.name)];
          if (from === undefined || to === undefined || from.column >= to.column) return null;
          const [x1, y1, x2, y2] = [leftOf(from) + size.width, topOf(from) + size.height / 2, leftOf(to) - 2, topOf(to) + size.height / 2];
          if (!isSeen({ left: x1, top: Math.min(y1, y2), width: x2 - x1, height: Math.abs(y2 - y1) + 1 }, view)) return null;
          const bend = Math.max(gap.x / 2, (x2 - x1) / 2);
          return <path key={`${name} ${phase.name}`} d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} fill="none" stroke="currentColor" strokeOpacity="0.6" markerEnd="url(#arrow)" />;
        }))}
      </svg>
      <ul aria-label={words.countOfPhases(phases.length)}>
        {phases.map((phase) => {
          const place = places.get(phase.name);
          return place !== undefined && isSeen(boxOf(place), view) ? <li key={phase.name} className="absolute" style={{ insetInlineStart: leftOf(place), top: topOf(place), ...size }}>{draw(phase)}</li> : null;
        })}
      </ul>
    </GraphStage>
  );
}

/** Which phases wait for each. */
function waitingFor(phases: readonly Placeable[]): Map<string, string[]> {
  const waiting = new Map<string, string[]>();
  for (const { name, depends_on } of phases) for (const before of depends_on) {
    const others = waiting.get(before);
    if (others === undefined) waiting.set(before, [name]);
    else others.push(name);
  }
  return waiting;
}
