"use client";

import { createColumnHelper, tableFeatures, useTable } from "@tanstack/react-table";
import { Link } from "@/components/common/link";
import { useMemo } from "react";
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

const features = tableFeatures({});
const helper = createColumnHelper<typeof features, Run>();
type Names = { templates: PipelineChoice[]; executors: Record<string, string> };

/** Figures stand at the end of their cell. */
const numeric = new Set(["duration", "attempt", "priority", "score", "checks", "version"]);
/** What a card on a narrow screen keeps. */
const narrowColumns = new Set(["status", "run", "pipeline", "started", "duration"]);

function columnsFor({ templates, executors }: Names, shown: readonly RunColumn[]) {
  const byKey = new Map(templates.map((each) => [each.template_key, each]));
  const names = { executors, layerOf: (run: Run) => byKey.get(run.template_key ?? "")?.layer };
  return helper.columns([
    helper.accessor("status", { header: words.runTable.status, cell: ({ row }) => <StatusBadge status={row.original.status} className="relative" /> }),
    helper.display({
      id: "run",
      header: words.runTable.run,
      cell: ({ row: { original: run } }) => (
        <Link href={`/runs/${run.run_id}`} data-run={run.run_id} className={cn(rowLinkClasses, "inline-flex items-baseline gap-2")}>
          {byKey.get(run.template_key ?? "")?.title ?? run.spec_slug}
          <ShortId id={run.run_id} what={words.runTable.runId} plain className="font-normal text-muted-foreground" />
        </Link>
      ),
    }),
    ...shown.map((column) => helper.display({ id: column, header: columnWords[column], cell: ({ row }) => runCells[column](row.original, names) })),
  ]);
}

type RunTableProps = Names & { runs: Run[]; active: string | null; /** Beside status and name. */ shown?: readonly RunColumn[]; /** Without it nothing can be selected. */ selected?: RunSelection };

export function RunTable({ runs, templates, executors, active, shown = defaultColumns, selected }: RunTableProps) {
  const columns = useMemo(() => columnsFor({ templates, executors }, shown), [templates, executors, shown]);
  const table = useTable({ features, columns, data: runs, getRowId: (run) => run.run_id });
  const ids = runs.map((run) => run.run_id);
  const held = selected === undefined ? 0 : ids.filter(selected.has).length;
  const name = (run: Run) => templates.find((each) => each.template_key === run.template_key)?.title ?? run.spec_slug;
  return (
    <Table label={words.runTable.runsNewestFirst} cards>
      <TableHeader>
        {table.getHeaderGroups().map((group) => (
          <TableRow key={group.id}>
            {selected ? (
              <TableHead className="w-8 pe-0">
                <Checkbox className="align-middle" aria-label={words.runTable.selectTheRunsOfThisPage} checked={held === 0 ? false : held === ids.length ? true : "indeterminate"} onCheckedChange={(on) => selected.toggle(ids, on)} />
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
                <Checkbox className="z-1 align-middle" aria-label={words.runTable.select(name(row.original), row.id.slice(-8))} checked={selected.has(row.id)} onCheckedChange={(on) => selected.toggle([row.id], on)} />
              </TableCell>
            ) : null}
            {row.getAllCells().map((cell) => (
              <TableCell key={cell.id} numeric={numeric.has(cell.column.id)} narrow={narrowColumns.has(cell.column.id)}>
                <table.FlexRender cell={cell} />
              </TableCell>
            ))}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
