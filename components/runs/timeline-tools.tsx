"use client";

import { ChevronsLeft, ChevronsRight, FoldHorizontal, Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { createParser, parseAsBoolean, parseAsStringLiteral, useQueryStates } from "nuqs";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import type { PhaseStatus, RunPhase } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/timeline";
import { moveWindow, wholeWindow, type Window, zoomWindow } from "./time-axis";

export const shownRows = ["all", "open", "failed"] as const;
export type ShownRows = (typeof shownRows)[number];
const done: readonly PhaseStatus[] = ["succeeded", "reused", "skipped"];

/** Whether the timeline shows a phase: all, those that are not done, or those that failed. */
export function isShown({ status }: Pick<RunPhase, "status">, show: ShownRows): boolean {
  return show === "all" || (show === "failed" ? status === "failed" : !done.includes(status));
}

/** `0.25-0.5`: the part of the run that is looked at. */
const parseAsWindow = createParser<Window>({
  parse(text) {
    const [from, to] = text.split("-").map(Number);
    return from !== undefined && to !== undefined && from >= 0 && to <= 1 && to - from >= 0.003 ? { from, to } : null;
  },
  serialize: ({ from, to }) => `${Number(from.toFixed(4))}-${Number(to.toFixed(4))}`,
  eq: (a, b) => a.from === b.from && a.to === b.to,
}).withDefault(wholeWindow);

export function useTimelineState() {
  return useQueryStates({ show: parseAsStringLiteral(shownRows).withDefault("all"), part: parseAsWindow, idle: parseAsBoolean.withDefault(false) }, { history: "replace" });
}
type State = ReturnType<typeof useTimelineState>;

/** Which rows, and which part of the time. */
export function TimelineTools({ phases, state, set, hasIdle }: { phases: readonly RunPhase[]; state: State[0]; set: State[1]; /** There are stretches in which nothing ran. */ hasIdle: boolean }) {
  const whole = state.part.from === 0 && state.part.to === 1;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <div role="group" aria-label={words.rows} className="inline-flex gap-1">
        {shownRows.map((each) => (
          <Button key={each} size="sm" variant={state.show === each ? "secondary" : "ghost"} aria-pressed={state.show === each} onClick={() => void set({ show: each })}>
            {words.show[each]}<span className="font-normal text-muted-foreground tabular-nums">{formatCount(phases.filter((phase) => isShown(phase, each)).length)}</span>
          </Button>
        ))}
      </div>
      <div role="group" aria-label={words.time} className="ms-auto inline-flex items-center gap-1 max-sm:hidden">
        {hasIdle ? <Button size="sm" variant="outline" aria-pressed={!state.idle} className={cn(!state.idle && "border-ring bg-accent text-accent-foreground")} title={words.idleWhy} onClick={() => void set({ idle: !state.idle })}><FoldHorizontal aria-hidden />{words.idle}</Button> : null}
        <Tool label={words.earlier} disabled={state.part.from <= 0} onClick={() => void set({ part: moveWindow(state.part, -1) })}><ChevronsLeft aria-hidden /></Tool>
        <Tool label={words.zoomOut} disabled={whole} onClick={() => void set({ part: zoomWindow(state.part, "out") })}><ZoomOut aria-hidden /></Tool>
        <Tool label={words.zoomIn} onClick={() => void set({ part: zoomWindow(state.part, "in") })}><ZoomIn aria-hidden /></Tool>
        <Tool label={words.later} disabled={state.part.to >= 1} onClick={() => void set({ part: moveWindow(state.part, 1) })}><ChevronsRight aria-hidden /></Tool>
        <Tool label={words.wholeRun} disabled={whole} onClick={() => void set({ part: null })}><Maximize aria-hidden /></Tool>
      </div>
    </div>
  );
}

function Tool({ label, disabled = false, onClick, children }: { label: string; disabled?: boolean; onClick: () => void; children: ReactNode }) {
  return <Button variant="ghost" size="icon-sm" aria-label={label} title={label} disabled={disabled} onClick={onClick}>{children}</Button>;
}
