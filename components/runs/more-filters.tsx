"use client";

import { ListFilter } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { labelPattern } from "@/contracts/words";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/runs";
import { parseSeconds, writeSeconds } from "./duration-words";
import { FilterChoice } from "./filter-choice";
import { moreFilters, noMoreFilters, type RunListState } from "./list-state";

const checkWords = words.moreFilters.check;
type Change = Partial<Pick<RunListState, keyof typeof noMoreFilters>>;

/** The filters that are wanted less often: tag, label, checks, and how long runs took. */
export function MoreFilters({ state, tags, onChange }: { state: RunListState; tags: readonly string[]; onChange: (change: Change) => void }) {
  const set = moreFilters(state);
  return (
    <Popover>
      <PopoverTrigger asChild>
        <Button variant="outline" size="sm" className={cn(set > 0 && "border-ring bg-accent text-accent-foreground")}><ListFilter aria-hidden />{words.moreFilters.moreFilters}{set > 0 ? <span className="tabular-nums">{set}</span> : null}</Button>
      </PopoverTrigger>
      <PopoverContent align="start" aria-label={words.moreFilters.moreFilters} className="grid w-72 gap-3">
        <div className="grid gap-1">
          <span className="text-xs text-muted-foreground" aria-hidden>{words.moreFilters.qualityChecks}</span>
          <FilterChoice label={words.moreFilters.qualityChecks} className="w-full" value={state.checks} all={words.moreFilters.anyResult} options={Object.keys(checkWords)} words={checkWords} onChange={(checks) => onChange({ checks: checks as RunListState["checks"] })} />
        </div>
        <div className="grid gap-1">
          <span className="text-xs text-muted-foreground" aria-hidden>{words.moreFilters.tagOfThePipeline}</span>
          <FilterChoice label={words.moreFilters.tagOfThePipeline} className="w-full" value={state.tag} all={words.moreFilters.anyTag} options={tags} onChange={(tag) => onChange({ tag })} />
        </div>
        <Typed key={`label ${state.label}`} name={words.moreFilters.labelOfTheRun} placeholder="engine:spark" value={state.label ?? ""} read={(text) => (text === "" ? null : labelPattern.test(text) ? text : undefined)} onChange={(label) => onChange({ label })} />
        <div className="grid grid-cols-2 gap-2">
          <Typed key={`min ${state.min}`} name={words.moreFilters.tookAtLeast} placeholder="5m" value={writeSeconds(state.min)} read={parseSeconds} onChange={(min) => onChange({ min })} />
          <Typed key={`max ${state.max}`} name={words.moreFilters.tookAtMost} placeholder="1h 30m" value={writeSeconds(state.max)} read={parseSeconds} onChange={(max) => onChange({ max })} />
        </div>
        {set > 0 ? <Button variant="ghost" size="sm" className="justify-self-start" onClick={() => onChange(noMoreFilters)}>{words.moreFilters.clearThese}</Button> : null}
      </PopoverContent>
    </Popover>
  );
}

/** Taken over with Enter, or when the field is left. `read` answers undefined for what it cannot read. */
function Typed<T>({ name, placeholder, value, read, onChange }: { name: string; placeholder: string; value: string; read: (text: string) => T | null | undefined; onChange: (value: T | null) => void }) {
  const [text, setText] = useState(value);
  const wrong = read(text.trim()) === undefined;
  const take = () => {
    const next = read(text.trim());
    if (text !== value && next !== undefined) onChange(next);
  };
  return (
    <label className="grid gap-1 text-xs text-muted-foreground">
      {name}
      <Input className="h-7 text-foreground" placeholder={placeholder} value={text} aria-invalid={wrong} onChange={(event) => setText(event.target.value)} onBlur={take} onKeyDown={(event) => { if (event.key === "Enter") take(); }} />
    </label>
  );
}
