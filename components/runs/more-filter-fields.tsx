"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import type { Taken } from "@/components/ui/on-demand";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover-parts";
import { labelPattern } from "@/contracts/words";
import { words } from "@/lib/messages/runs";
import { parseSeconds, writeSeconds } from "./duration-words";
import { FilterChoice } from "./filter-choice";
import { moreFilters, noMoreFilters } from "./list-state";
import type { MoreFiltersProps } from "./more-filters";

const checkWords = words.moreFilters.check;

export function MoreFilterFields({ state, tags, onChange, button }: Taken & MoreFiltersProps) {
  const set = moreFilters(state);
  return (
    <Popover defaultOpen>
      <PopoverTrigger asChild>{button}</PopoverTrigger>
      <PopoverContent align="start" aria-label={words.moreFilters.moreFilters} className="grid w-72 gap-3">
        <div className="grid gap-1">
          <span className="text-xs text-muted-foreground" aria-hidden>{words.moreFilters.qualityChecks}</span>
          <FilterChoice label={words.moreFilters.qualityChecks} className="w-full" value={state.checks} all={words.moreFilters.anyResult} options={Object.keys(checkWords)} words={checkWords} onChange={(checks) => onChange({ checks: checks as MoreFiltersProps["state"]["checks"] })} />
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
