"use client";

import { Loader, X } from "lucide-react";
import type { useQueryStates } from "nuqs";
import { SearchField } from "@/components/common/search-field";
import { Time } from "@/components/common/time";
import { runStatusLooks } from "@/components/common/status-looks";
import { Button } from "@/components/ui/button";
import { runStatuses, runTriggers } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
import { FilterChoice } from "./filter-choice";
import { isFiltered, type RunListState, type runListParsers } from "./list-state";
import type { PipelineChoice } from "./run-list";
import { rangeWords, type RangeWord, triggerWords } from "./words";

type RunFiltersProps = {
  state: RunListState;
  setState: ReturnType<typeof useQueryStates<typeof runListParsers>>[1];
  templates: PipelineChoice[];
  /** The list that fits these filters is on its way. */
  busy: boolean;
};

const none = { status: null, pipeline: null, trigger: null, search: null, range: null, from: null, to: null, page: null };

export function RunFilters({ state, setState, templates, busy }: RunFiltersProps) {
  const toggle = (status: (typeof runStatuses)[number]) => {
    const next = state.status.includes(status) ? state.status.filter((each) => each !== status) : [...state.status, status];
    void setState({ status: next.length > 0 ? next : null, page: null });
  };
  return (
    <search aria-label="Filter runs" className="flex flex-wrap items-center gap-2">
      <SearchField id="run-search" label="Search runs by id, pipeline or error message" placeholder="Id, pipeline or error" className="sm:w-52" value={state.search} onChange={(search) => void setState({ search: search || null, page: null }, { history: "replace" })} />
      <div role="group" aria-label="Status" className="flex flex-wrap items-center gap-1">
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
            </button>
          );
        })}
      </div>
      <FilterChoice label="Pipeline" className="w-36" value={state.pipeline} all="All pipelines" options={templates.map((each) => each.template_key)} words={Object.fromEntries(templates.map((each) => [each.template_key, each.title]))} onChange={(pipeline) => void setState({ pipeline, page: null })} />
      <FilterChoice label="Trigger" className="w-36" value={state.trigger} all="Any trigger" options={runTriggers} words={triggerWords} onChange={(trigger) => void setState({ trigger: trigger as RunListState["trigger"], page: null })} />
      <FilterChoice label="Range" className="w-36" value={state.range} all="Any time" options={Object.keys(rangeWords)} words={rangeWords} onChange={(range) => void setState({ range: range as RangeWord | null, from: null, to: null, page: null })} />
      {state.from || state.to ? (
        <Button variant="secondary" size="sm" aria-label="Any time again" onClick={() => void setState({ from: null, to: null, page: null })}>
          {state.from ? <>from <Time at={state.from.toISOString()} format="absolute" plain /></> : null}
          {state.to ? <>to <Time at={state.to.toISOString()} format="absolute" plain /></> : null}
          <X aria-hidden />
        </Button>
      ) : null}
      {isFiltered(state) ? (
        <Button variant="ghost" size="sm" onClick={() => void setState(none)}>
          <X aria-hidden />
          {messages.action.clearFilters}
        </Button>
      ) : null}
      <span role="status">{busy ? <><Loader className="size-4 animate-spin text-muted-foreground motion-reduce:animate-none" aria-hidden /><span className="sr-only">Filtering</span></> : null}</span>
    </search>
  );
}
