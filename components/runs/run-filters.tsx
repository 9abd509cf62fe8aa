"use client";

import { Loader, X } from "lucide-react";
import type { useQueryStates } from "nuqs";
import { SearchField } from "@/components/common/search-field";
import { Time } from "@/components/common/time";
import { runStatusLooks } from "@/components/common/status-looks";
import { Button } from "@/components/ui/button";
import { runErrorCodes, runKinds, runStatuses, runTriggers } from "@/contracts/words";
import type { RunCounts } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { formatCount } from "@/lib/format";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/runs";
import { ColumnMenu } from "./column-menu";
import { FilterChoice } from "./filter-choice";
import { MoreFilters } from "./more-filters";
import { isFiltered, noRunFilters, type RunListState, type runListParsers } from "./list-state";
import type { PipelineChoice } from "./run-list";
import { rangeWords, type RangeWord, triggerWords } from "./words";

type RunFiltersProps = {
  state: RunListState;
  setState: ReturnType<typeof useQueryStates<typeof runListParsers>>[1];
  templates: PipelineChoice[];
  executors: Readonly<Record<string, string>>;
  /** Of the runs that fit the other filters; undefined until it is known. */
  counts: RunCounts | undefined;
  /** The list that fits these filters is on its way. */
  busy: boolean;
};

export function RunFilters({ state, setState, templates, executors, counts, busy }: RunFiltersProps) {
  const toggle = (status: (typeof runStatuses)[number]) => {
    const next = state.status.includes(status) ? state.status.filter((each) => each !== status) : [...state.status, status];
    void setState({ status: next.length > 0 ? next : null, page: null });
  };
  return (
    <search aria-label={words.runFilters.filterRuns} className="flex flex-wrap items-center gap-2">
      <SearchField id="run-search" label={words.runFilters.runSearchLabel} placeholder={words.runFilters.idPipelineOrError} className="sm:w-52" value={state.search} onChange={(search) => void setState({ search: search || null, page: null }, { history: "replace" })} />
      <div role="group" aria-label={words.runFilters.status} className="flex flex-wrap items-center gap-1">
        {runStatuses.map((status) => {
          const look = runStatusLooks[status];
          const on = state.status.includes(status);
          return (
            <button
              key={status}
              type="button"
              aria-pressed={on}
              onClick={() => toggle(status)}
              className={cn("inline-flex h-7 items-center gap-1.5 rounded-full border px-2.5 text-xs font-medium transition-colors", on ? cn(look.badge, "border-current") : "text-muted-foreground hover:bg-accent hover:text-accent-foreground")}
            >
              <look.icon className="size-3.5" aria-hidden />
              {look.word}
              {counts ? <StatusCount counts={counts} status={status} /> : null}
            </button>
          );
        })}
      </div>
      <FilterChoice label={words.runFilters.pipeline} className="w-36" value={state.pipeline} all={words.runFilters.allPipelines} options={templates.map((each) => each.template_key)} words={Object.fromEntries(templates.map((each) => [each.template_key, each.title]))} onChange={(pipeline) => void setState({ pipeline, page: null })} />
      <FilterChoice label={words.runFilters.trigger} className="w-36" value={state.trigger} all={words.runFilters.anyTrigger} options={runTriggers} words={triggerWords} onChange={(trigger) => void setState({ trigger: trigger as RunListState["trigger"], page: null })} />
      <FilterChoice label={words.runFilters.executor} className="w-36" value={state.executor} all={words.runFilters.anyExecutor} options={Object.keys(executors)} words={executors} onChange={(executor) => void setState({ executor, page: null })} />
      <FilterChoice label={words.runFilters.kind} className="w-28" value={state.kind} all={words.runFilters.anyKind} options={runKinds} onChange={(kind) => void setState({ kind: kind as RunListState["kind"], page: null })} />
      <FilterChoice label={words.runFilters.errorCode} className="w-40" value={state.error} all={words.runFilters.anyError} options={runErrorCodes} onChange={(error) => void setState({ error, page: null })} />
      <FilterChoice label={words.runFilters.range} className="w-36" value={state.range} all={words.runFilters.anyTime} options={Object.keys(rangeWords)} words={rangeWords} onChange={(range) => void setState({ range: range as RangeWord | null, from: null, to: null, page: null })} />
      <MoreFilters state={state} tags={[...new Set(templates.flatMap((each) => each.tags))].toSorted()} onChange={(next) => void setState({ ...next, page: null })} />
      {state.from || state.to ? (
        <Button variant="secondary" size="sm" aria-label={words.runFilters.anyTimeAgain} onClick={() => void setState({ from: null, to: null, page: null })}>
          {state.from ? <>{words.runFilters.from(<Time at={state.from.toISOString()} format="absolute" plain />)}</> : null}
          {state.to ? <>{words.runFilters.to(<Time at={state.to.toISOString()} format="absolute" plain />)}</> : null}
          <X aria-hidden />
        </Button>
      ) : null}
      {isFiltered(state) ? (
        <Button variant="ghost" size="sm" onClick={() => void setState(noRunFilters)}>
          <X aria-hidden />
          {messages.action.clearFilters}
        </Button>
      ) : null}
      <span className="ms-auto"><ColumnMenu shown={state.columns} onChange={(columns) => void setState({ columns }, { history: "replace" })} /></span>
      <span role="status">{busy ? <><Loader className="size-4 animate-spin text-muted-foreground motion-reduce:animate-none" aria-hidden /><span className="sr-only">{words.runFilters.filtering}</span></> : null}</span>
    </search>
  );
}

/** "12", or "12+" where older runs were not counted. */
function StatusCount({ counts, status }: { counts: RunCounts; status: (typeof runStatuses)[number] }) {
  const text = formatCount(counts.runs[status]) + (counts.complete ? "" : "+");
  return <span className="font-normal tabular-nums" title={counts.complete ? undefined : words.runFilters.ofTheNewestRuns}>{text}</span>;
}
