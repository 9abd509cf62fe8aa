"use client";

import { Link } from "@/components/common/link";
import { type ReactNode, useMemo } from "react";
import { ShortId } from "@/components/common/short-id";
import { StatusBadge } from "@/components/common/status-badge";
import { Checkbox } from "@/components/ui/checkbox";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Run } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/runs";
import { columnWords, defaultColumns, type RunColumn } from "./columns";
import { runCells } from "./run-cells";
import type { PipelineChoice } from "./run-list";
import type { RunSelection } from "./use-selection";

type Column = { id: string; header: string; cell: (run: Run) => ReactNode };
type Names = { templates: PipelineChoice[]; executors: Record<string, string> };

/** Figures stand at the end of their cell. */
const numeric = new Set(["duration", "attempt", "priority", "score", "checks", "version"]);
/** What a card on a narrow screen keeps. */
const narrowColumns = new Set(["status", "run", "pipeline", "started", "duration"]);

function columnsFor({ templates, executors }: Names, shown: readonly RunColumn[]): Column[] {
  const byKey = new Map(templates.map((each) => [each.template_key, each]));
  const names = { executors, layerOf: (run: Run) => byKey.get(run.template_key ?? "")?.layer };
  return [
    { id: "status", header: words.runTable.status, cell: (run) => <StatusBadge status={run.status} className="relative" /> },
    {
      id: "run",
      header: words.runTable.run,
      cell: (run) => (
        <Link href={`/runs/${run.run_id}`} data-run={run.run_id} className={cn(rowLinkClasses, "inline-flex items-baseline gap-2")}>
          {byKey.get(run.template_key ?? "")?.title ?? run.spec_slug}
          <ShortId id={run.run_id} what={words.runTable.runId} plain className="font-normal text-muted-foreground" />
        </Link>
      ),
    },
    ...shown.map((column): Column => ({ id: column, header: columnWords[column], cell: (run) => runCells[column](run, names) })),
  ];
}

type RunTableProps = Names & { runs: Run[]; active: string | null; /** Beside status and name. */ shown?: readonly RunColumn[]; /** Without it nothing can be selected. */ selected?: RunSelection };

export function RunTable({ runs, templates, executors, active, shown = defaultColumns, selected }: RunTableProps) {
  const columns = useMemo(() => columnsFor({ templates, executors }, shown), [templates, executors, shown]);
  const ids = runs.map((run) => run.run_id);
  const held = selected === undefined ? 0 : ids.filter(selected.has).length;
  const name = (run: Run) => templates.find((each) => each.template_key === run.template_key)?.title ?? run.spec_slug;
  return (
    <Table label={words.runTable.runsNewestFirst} cards>
      <TableHeader>
        <TableRow>
          {selected ? (
            <TableHead className="w-8 pe-0">
              <Checkbox className="align-middle" aria-label={words.runTable.selectTheRunsOfThisPage} checked={held === 0 ? false : held === ids.length ? true : "indeterminate"} onCheckedChange={(on) => selected.toggle(ids, on)} />
            </TableHead>
          ) : null}
          {columns.map(({ id, header }) => <TableHead key={id} numeric={numeric.has(id)}>{header}</TableHead>)}
        </TableRow>
      </TableHeader>
      <TableBody>
        {runs.map((run) => (
          <TableRow key={run.run_id} data-active={run.run_id === active || undefined} aria-selected={selected?.has(run.run_id)}>
            {selected ? (
              <TableCell className="w-8 pe-0 max-sm:w-auto">
                <Checkbox className="z-1 align-middle" aria-label={words.runTable.select(name(run), run.run_id.slice(-8))} checked={selected.has(run.run_id)} onCheckedChange={(on) => selected.toggle([run.run_id], on)} />
              </TableCell>
            ) : null}
            {columns.map(({ id, cell }) => <TableCell key={id} numeric={numeric.has(id)} narrow={narrowColumns.has(id)}>{cell(run)}</TableCell>)}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
