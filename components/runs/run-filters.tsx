"use client";

import { Loader, Search, X } from "lucide-react";
import type { useQueryStates } from "nuqs";
import { useEffect, useRef, useState } from "react";
import { runStatusLooks } from "@/components/common/status-looks";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { runStatuses, runTriggers } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { messages } from "@/lib/messages";
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

/** Radix refuses an empty value, so "no filter" has a name of its own. */
const any = "any";
const typingMs = 300;
const none = { status: null, pipeline: null, trigger: null, search: null, range: null, page: null };

export function RunFilters({ state, setState, templates, busy }: RunFiltersProps) {
  const toggle = (status: (typeof runStatuses)[number]) => {
    const next = state.status.includes(status) ? state.status.filter((each) => each !== status) : [...state.status, status];
    void setState({ status: next.length > 0 ? next : null, page: null });
  };
  return (
    <search aria-label="Filter runs" className="flex flex-wrap items-center gap-2">
      <SearchField value={state.search} onChange={(search) => void setState({ search: search || null, page: null }, { history: "replace" })} />
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
      <Choice label="Pipeline" value={state.pipeline} all="All pipelines" options={templates.map((each) => [each.template_key, each.title])} onChange={(pipeline) => void setState({ pipeline, page: null })} />
      <Choice label="Trigger" value={state.trigger} all="Any trigger" options={runTriggers.map((each) => [each, triggerWords[each]])} onChange={(trigger) => void setState({ trigger: trigger as RunListState["trigger"], page: null })} />
      <Choice label="Range" value={state.range} all="Any time" options={Object.entries(rangeWords)} onChange={(range) => void setState({ range: range as RangeWord | null, page: null })} />
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

type ChoiceProps = { label: string; value: string | null; all: string; options: (readonly [string, string])[]; onChange: (value: string | null) => void };

function Choice({ label, value, all, options, onChange }: ChoiceProps) {
  return (
    <Select value={value ?? any} onValueChange={(next) => onChange(next === any ? null : next)}>
      <SelectTrigger aria-label={label} className={cn("h-7 w-36 text-xs", value !== null && "border-ring bg-accent text-accent-foreground")}>
        <SelectValue />
      </SelectTrigger>
      <SelectContent>
        <SelectItem value={any}>{all}</SelectItem>
        {value !== null && !options.some(([each]) => each === value) ? <SelectItem value={value}>{value}</SelectItem> : null}
        {options.map(([each, word]) => (
          <SelectItem key={each} value={each}>
            {word}
          </SelectItem>
        ))}
      </SelectContent>
    </Select>
  );
}

/** Filters while typing, after a pause; Enter at once, Escape empties. */
function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const told = useRef(value);
  useEffect(() => {
    // The URL changed by other means (Back, "Clear filters"): the field follows; while it is typed in, it leads.
    if (value !== told.current) {
      told.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (next: string) => {
    clearTimeout(timer.current);
    told.current = next;
    onChange(next);
  };
  return (
    <div className="relative w-full sm:w-52">
      <Search className="pointer-events-none absolute start-2 top-2 size-4 text-muted-foreground" aria-hidden />
      <Input
        id="run-search"
        type="search"
        aria-label="Search runs by id, pipeline or error message"
        placeholder="Id, pipeline or error"
        className="ps-8"
        maxLength={200}
        value={text}
        onChange={(event) => {
          const next = event.target.value;
          setText(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => tell(next), typingMs);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") tell(text);
          if (event.key === "Escape") {
            if (text === "") event.currentTarget.blur();
            setText("");
            tell("");
          }
        }}
      />
    </div>
  );
}
