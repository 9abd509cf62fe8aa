"use client";

import { ChevronRight, Zap } from "lucide-react";
import dynamic from "next/dynamic";
import { parseAsString, useQueryState } from "nuqs";
import { Fragment, useRef } from "react";
import { Duration } from "@/components/common/duration";
import { Hash } from "@/components/common/hash";
import { useNow } from "@/components/common/now";
import { useRowsInView } from "@/components/common/use-rows-in-view";
import { PhaseStatusBadge } from "@/components/common/status-badge";
import { phaseStatusLooks } from "@/components/common/status-looks";
import { Time } from "@/components/common/time";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { RunEvent } from "@/contracts/event";
import type { Run, RunPhase } from "@/contracts/run";
import { isTerminal } from "@/contracts/words";
import { cn } from "@/lib/cn";
import { formatDuration } from "@/lib/format";
import { words as runWords } from "@/lib/messages/run";
import { words } from "@/lib/messages/timeline";
import { type Axis, axisOf } from "./time-axis";
import { type Segment, timelineOf, type TimelineRow } from "./timeline-model";
import { isShown, TimelineTools, useTimelineState } from "./timeline-tools";

const PhaseFacts = dynamic(() => import("./phase-facts").then((loaded) => loaded.PhaseFacts));
const ticks = [0, 0.25, 0.5, 0.75, 1];
const columns = 6;
/** The height of a row, and its border. */
const rowPixels = 37;

/** One row a phase: the plan while the run is queued, then waiting, attempts and running on one axis. */
export function TimelinePanel({ run, phases, events, readAt }: { run: Run; phases: RunPhase[]; events: RunEvent[]; readAt: number }) {
  const ticking = useNow(isTerminal(run.status) ? null : "second");
  const { rows: all, ...whole } = timelineOf(run, phases, events, ticking ?? readAt);
  const [state, setState] = useTimelineState();
  const rows = all.filter(({ phase }) => isShown(phase, state.show));
  const [from, to] = [state.part.from, state.part.to].map((share) => whole.from + share * (whole.to - whole.from)) as [number, number];
  const hasIdle = run.started_at !== null && axisOf(all, from, to, true).squeezed.length > 0;
  const axis = axisOf(all, from, to, hasIdle && !state.idle);
  return (
    <div className="grid gap-2">
      <TimelineTools phases={phases} state={state} set={setState} hasIdle={hasIdle} />
      {rows.length === 0 && state.show !== "all" ? (
        <p className="flex items-center gap-3 py-6 text-muted-foreground">{words.none[state.show]}<Button variant="outline" size="sm" onClick={() => void setState({ show: null })}>{words.showAll}</Button></p>
      ) : (
        <PhaseTable run={run} rows={rows} axis={axis} from={from} to={to} start={whole.from} />
      )}
    </div>
  );
}

type PhaseTableProps = { run: Run; rows: TimelineRow[]; axis: Axis; /** What the axis shows, and when the run began: Unix milliseconds. */ from: number; to: number; start: number };

function PhaseTable({ run, rows, axis, from, to, start }: PhaseTableProps) {
  const [open, setOpen] = useQueryState("phase", parseAsString.withOptions({ history: "replace" }));
  const elapsed = (tick: number) => (tick === 0 && from === start ? "0" : formatDuration(Math.round(axis.timeAt(tick)) - start));
  const body = useRef<HTMLTableSectionElement>(null);
  const drawn = useRowsInView(body, rows.length, rowPixels);
  return (
    <Table label={runWords.timeline.phasesOfTheRun} aria-rowcount={rows.length + 1}>
      <TableHeader>
        <TableRow>
          <TableHead>{runWords.timeline.phase}</TableHead>
          <TableHead>{runWords.timeline.status}</TableHead>
          <TableHead className="w-full min-w-64">
            {run.started_at === null ? (
              runWords.timeline.plan
            ) : (
              <span className="flex justify-between tabular-nums">
                <span className="sr-only">{words.axis(elapsed(0), elapsed(1))}</span>
                {ticks.map((tick) => (
                  <span key={tick} aria-hidden>{elapsed(tick)}</span>
                ))}
              </span>
            )}
          </TableHead>
          <TableHead>{runWords.timeline.started}</TableHead>
          <TableHead numeric>{runWords.timeline.duration}</TableHead>
          <TableHead>{runWords.timeline.output}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody ref={body}>
        {drawn.from > 0 ? <tr aria-hidden style={{ height: drawn.from * rowPixels }} /> : null}
        {rows.slice(drawn.from, drawn.to).map((row, at) => {
          const expanded = open === row.phase.name;
          return (
            <Fragment key={row.phase.name}>
              <TableRow data-active={expanded || undefined} aria-rowindex={drawn.from + at + 2}>
                <TableCell>
                  <button type="button" aria-expanded={expanded} aria-controls={`phase-${row.phase.name}`} onClick={() => void setOpen(expanded ? null : row.phase.name)} className="inline-flex min-h-6 items-center gap-1.5 font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-ring">
                    <ChevronRight className={cn("size-3.5 text-muted-foreground transition-transform", expanded && "rotate-90")} aria-hidden />
                    {row.phase.name}
                    <span className="font-normal text-muted-foreground">{row.phase.type}</span>
                    {row.critical ? <span title={runWords.timeline.onTheChainThatDecided} className="text-warning"><Zap className="size-3" aria-hidden /><span className="sr-only">{runWords.timeline.onTheCriticalPath}</span></span> : null}
                  </button>
                </TableCell>
                <TableCell>
                  <PhaseStatusBadge status={row.phase.status} className="relative" />
                  {row.phase.attempt > 1 ? <span className="ms-1.5 text-xs text-warning">{runWords.timeline.attempt(row.phase.attempt)}</span> : null}
                </TableCell>
                <TableCell>
                  <Bars row={row} axis={axis} from={from} to={to} />
                </TableCell>
                <TableCell><Time at={row.phase.started_at} className="relative" /></TableCell>
                <TableCell numeric><Duration from={row.phase.started_at} to={row.phase.finished_at} /></TableCell>
                <TableCell><Hash value={row.phase.output_sha256} what={runWords.timeline.outputHash} className="relative" /></TableCell>
              </TableRow>
              {expanded ? (
                <TableRow id={`phase-${row.phase.name}`}>
                  <TableCell colSpan={columns} className="bg-muted py-3 whitespace-normal"><PhaseFacts runId={run.run_id} phase={row.phase} /></TableCell>
                </TableRow>
              ) : null}
            </Fragment>
          );
        })}
        {drawn.to < rows.length ? <tr aria-hidden style={{ height: (rows.length - drawn.to) * rowPixels }} /> : null}
      </TableBody>
    </Table>
  );
}

/** The picture of what the other cells say in figures, hence hidden from readers. */
function Bars({ row, axis, from, to }: { row: TimelineRow; axis: Axis; from: number; to: number }) {
  const looks: Record<Segment["kind"], string> = {
    waiting: "hatched border border-border",
    earlier_attempt: "bg-failed opacity-60",
    current: phaseStatusLooks[row.phase.status].fill,
  };
  const place = ({ from: begin, to: end }: Pick<Segment, "from" | "to">) => ({ insetInlineStart: `${axis.place(begin) * 100}%`, width: `${(axis.place(end) - axis.place(begin)) * 100}%` });
  if (row.segments.length === 0 && row.phase.depends_on.length > 0 && row.phase.status === "pending") {
    return <span className="text-xs text-muted-foreground">{runWords.timeline.after(row.phase.depends_on.join(", "))}</span>;
  }
  return (
    <div className="relative h-4 rounded-sm bg-muted" aria-hidden>
      {axis.squeezed.map((gap) => <span key={gap.from} className="absolute inset-y-0 border-x border-dashed border-muted-foreground" style={place(gap)} title={words.idleFor(formatDuration(gap.to - gap.from))} />)}
      {row.segments.filter((segment) => segment.to >= from && segment.from <= to).map((segment) => (
        <span key={`${segment.kind}-${segment.from}`} className={cn("absolute inset-y-0 min-w-0.5 rounded-sm", looks[segment.kind], row.critical && segment.kind === "current" && "ring-1 ring-warning")} style={place(segment)} />
      ))}
    </div>
  );
}
