"use client";

import { Ban, GitCompareArrows, RotateCw, X } from "lucide-react";
import { useState } from "react";
import { roleNeeded } from "@/components/common/needs-role";
import { Link } from "@/components/common/link";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { PendingOverlay, useLoaded } from "@/components/ui/on-demand";
import { Tooltip } from "@/components/ui/tooltip";
import type { BulkJob } from "@/contracts/bulk";
import { messages } from "@/lib/messages";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/runs";
import { type BulkVerb, runsWord } from "./bulk-words";
import { type BulkActionSet, useBulk } from "./use-bulk";
import type { RunSelection } from "./use-selection";

const load = () => import("./bulk-dialog").then((loaded) => loaded.BulkDialog);

type BulkBarProps = {
  environmentId: string;
  selected: RunSelection;
  /** The filter that means the selection, made when it is asked for: ranges of time are counted from then. */
  filterOf: () => unknown;
  /** The list is filtered, and has more than is selected: all that fit may be meant. */
  canSelectAll: boolean;
  canOperate: boolean;
  actions: BulkActionSet;
};

/** What may be done with the selected runs, and how far a job over them is. */
export function BulkBar({ environmentId, selected, filterOf, canSelectAll, canOperate, actions }: BulkBarProps) {
  const [verb, setVerb] = useState<BulkVerb | null>(null);
  const BulkDialog = useLoaded(load, verb !== null);
  const { job, follow } = useBulk(environmentId, selected.only);
  const { selection, count } = selected;
  if (job !== null) return <JobProgress job={job} abort={actions.abort} />;
  if (count === 0) return null;
  const [a, b] = selection.kind === "runs" ? [...selection.ids].toSorted() : [];
  const refused = canOperate ? null : roleNeeded("operator");
  return (
    <div role="region" aria-label={words.bulkBar.selectedRuns} className="sticky top-14 z-20 flex flex-wrap items-center gap-2 rounded-md border bg-accent px-3 py-1.5 text-accent-foreground">
      <span role="status" className="font-medium tabular-nums">{count === null ? words.bulkBar.allThatFitTheFilters : words.bulkBar.selected(runsWord(count))}</span>
      {count !== null && canSelectAll ? <Button variant="link" size="sm" onClick={selected.all}>{words.bulkBar.selectAllThatFitTheFilters}</Button> : null}
      <span className="flex flex-wrap items-center gap-2 sm:ms-auto">
        <Tooltip content={count === 2 ? null : words.bulkBar.selectExactlyTwoRuns}>
          {count === 2 ? <Button asChild variant="outline" size="sm"><Link href={`/runs/compare?a=${a}&b=${b}`}><GitCompareArrows aria-hidden />{words.bulkBar.compare}</Link></Button> : <Button variant="outline" size="sm" aria-disabled><GitCompareArrows aria-hidden />{words.bulkBar.compare}</Button>}
        </Tooltip>
        <Tooltip content={refused}>
          <Button variant="outline" size="sm" aria-disabled={refused !== null} onClick={() => canOperate && setVerb("retry")}><RotateCw aria-hidden />{words.bulkBar.runAgain}</Button>
        </Tooltip>
        <Tooltip content={refused}>
          <Button variant="outline" size="sm" aria-disabled={refused !== null} onClick={() => canOperate && setVerb("cancel")}><Ban aria-hidden />{words.bulkBar.cancel}</Button>
        </Tooltip>
        <Button variant="ghost" size="icon-sm" aria-label={words.bulkBar.selectNone} onClick={selected.clear}><X aria-hidden /></Button>
      </span>
      {verb === null ? null : BulkDialog === null ? <PendingOverlay /> : <BulkDialog verb={verb} selectedCount={count} filterOf={filterOf} actions={actions} onClose={() => setVerb(null)} onStarted={(made) => { setVerb(null); follow(made); }} />}
    </div>
  );
}

function JobProgress({ job, abort }: { job: BulkJob; abort: BulkActionSet["abort"] }) {
  const { pending, act } = useAct();
  const ended = job.done + job.skipped + job.refused;
  return (
    <div role="region" aria-label={words.bulkBar.progress} className="sticky top-14 z-20 flex flex-wrap items-center gap-3 rounded-md border bg-accent px-3 py-1.5 text-accent-foreground">
      <progress value={ended} max={job.total} aria-label={job.verb === "cancel" ? words.bulkBar.cancelingRuns : words.bulkBar.startingRunsAgain} className="h-2 w-40 accent-primary" />
      <span className="tabular-nums">{words.bulkBar.of(formatCount(ended), runsWord(job.total))}</span>
      <Button variant="outline" size="sm" className="ms-auto" disabled={pending} onClick={() => act(() => abort(job.bulk_id))}><X aria-hidden />{messages.action.stop}</Button>
    </div>
  );
}
