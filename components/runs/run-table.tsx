"use client";

import { createColumnHelper, tableFeatures, useTable } from "@tanstack/react-table";
import { Link } from "@/components/common/link";
import { useMemo } from "react";
import { Duration } from "@/components/common/duration";
import { LayerBadge } from "@/components/common/layer-badge";
import { ShortId } from "@/components/common/short-id";
import { StatusBadge } from "@/components/common/status-badge";
import { Time } from "@/components/common/time";
import { Checkbox } from "@/components/ui/checkbox";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Run } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
import type { PipelineChoice } from "./run-list";
import type { RunSelection } from "./use-selection";
import { triggerWords } from "./words";

const features = tableFeatures({});
const helper = createColumnHelper<typeof features, Run>();
type Names = { templates: PipelineChoice[]; executors: Record<string, string> };

/** Figures stand at the end of their cell. */
const numeric = new Set(["duration", "attempt"]);
/** What a card on a narrow screen leaves out: it keeps status, name, time and duration. */
const wideOnly = new Set(["trigger", "attempt", "executor"]);

function columnsFor({ templates, executors }: Names) {
  const byKey = new Map(templates.map((each) => [each.template_key, each]));
  return helper.columns([
    helper.accessor("status", { header: "Status", cell: ({ row }) => <StatusBadge status={row.original.status} className="relative" /> }),
    helper.display({
      id: "run",
      header: "Run",
      cell: ({ row: { original: run } }) => (
        <Link href={`/runs/${run.run_id}`} data-run={run.run_id} className={cn(rowLinkClasses, "inline-flex items-baseline gap-2")}>
          {byKey.get(run.template_key ?? "")?.title ?? run.spec_slug}
          <ShortId id={run.run_id} what="run id" plain className="font-normal text-muted-foreground" />
        </Link>
      ),
    }),
    helper.display({
      id: "pipeline",
      header: "Pipeline",
      cell: ({ row: { original: run } }) => {
        const layer = byKey.get(run.template_key ?? "")?.layer;
        return (
          <span className="inline-flex items-center gap-2">
            {layer ? <LayerBadge layer={layer} /> : null}
            <code className="text-xs text-muted-foreground max-sm:hidden">{run.spec_slug}</code>
          </span>
        );
      },
    }),
    helper.display({
      id: "trigger",
      header: "Trigger",
      cell: ({ row: { original: run } }) => (
        <span className="inline-flex max-w-56 items-baseline gap-1.5">
          {triggerWords[run.trigger]}
          {run.triggered_by ? <span className="truncate text-muted-foreground" title={run.triggered_by}>{run.triggered_by}</span> : null}
        </span>
      ),
    }),
    helper.accessor("started_at", { header: "Started", cell: ({ row: { original: run } }) => <Time at={run.started_at} absent={run.finished_at ? messages.time.never : "waiting"} className="relative" /> }),
    helper.display({ id: "duration", header: "Duration", cell: ({ row: { original: run } }) => <Duration from={run.started_at} to={run.finished_at} /> }),
    helper.display({ id: "attempt", header: "Attempt", cell: ({ row: { original: run } }) => <span className={cn("tabular-nums", run.attempt > 1 && "text-warning")}>{run.attempt}/{run.max_attempts}</span> }),
    helper.display({
      id: "executor",
      header: "Executor",
      cell: ({ row: { original: run } }) =>
        run.executor_id === null ? <span className="text-muted-foreground">{messages.time.unknown}</span> : (executors[run.executor_id] ?? <ShortId id={run.executor_id} what="executor id" plain />),
    }),
  ]);
}

type RunTableProps = Names & { runs: Run[]; active: string | null; /** Without it nothing can be selected. */ selected?: RunSelection };

export function RunTable({ runs, templates, executors, active, selected }: RunTableProps) {
  const columns = useMemo(() => columnsFor({ templates, executors }), [templates, executors]);
  const table = useTable({ features, columns, data: runs, getRowId: (run) => run.run_id });
  const ids = runs.map((run) => run.run_id);
  const held = selected === undefined ? 0 : ids.filter(selected.has).length;
  const name = (run: Run) => templates.find((each) => each.template_key === run.template_key)?.title ?? run.spec_slug;
  return (
    <Table label="Runs, newest first" cards>
      <TableHeader>
        {table.getHeaderGroups().map((group) => (
          <TableRow key={group.id}>
            {selected ? (
              <TableHead className="w-8 pe-0">
                <Checkbox className="align-middle" aria-label="Select the runs of this page" checked={held === 0 ? false : held === ids.length ? true : "indeterminate"} onCheckedChange={(on) => selected.toggle(ids, on === true)} />
              </TableHead>
            ) : null}
            {group.headers.map((header) => (
              <TableHead key={header.id} numeric={numeric.has(header.column.id)}>
                <table.FlexRender header={header} />
              </TableHead>
            ))}
          </TableRow>
        ))}
      </TableHeader>
      <TableBody>
        {table.getRowModel().rows.map((row) => (
          <TableRow key={row.id} data-active={row.id === active || undefined} aria-selected={selected?.has(row.id)}>
            {selected ? (
              <TableCell className="w-8 pe-0 max-sm:w-auto">
                <Checkbox className="z-1 align-middle" aria-label={`Select ${name(row.original)} ${row.id.slice(-8)}`} checked={selected.has(row.id)} onCheckedChange={(on) => selected.toggle([row.id], on === true)} />
              </TableCell>
            ) : null}
            {row.getAllCells().map((cell) => (
              <TableCell key={cell.id} numeric={numeric.has(cell.column.id)} narrow={!wideOnly.has(cell.column.id)}>
                <table.FlexRender cell={cell} />
              </TableCell>
            ))}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
