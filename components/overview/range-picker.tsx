"use client";

import { CalendarRange } from "lucide-react";
import { useQueryStates } from "nuqs";
import { type FormEvent, useState, useTransition } from "react";
import { rangeWords } from "@/components/runs/words";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/overview";
import { rangeParsers, ranges, type RangeWindow } from "./range-state";

const item = "h-7 px-2.5 text-xs font-medium text-muted-foreground transition-colors hover:bg-accent hover:text-accent-foreground aria-pressed:bg-accent aria-pressed:text-accent-foreground";
/** `2026-11-28T06:41`, as an input of a moment has it; in UTC. */
const inputValue = (at: number) => new Date(at).toISOString().slice(0, 16);

/** Which time the page tells of: in the URL, so that Back and a shared link keep it. */
export function RangePicker({ shown }: { shown: RangeWindow }) {
  const [busy, startTransition] = useTransition();
  const [{ range }, setState] = useQueryStates(rangeParsers, { history: "push", shallow: false, startTransition });
  const [open, setOpen] = useState(false);
  const [mistake, setMistake] = useState<string | null>(null);

  function apply(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [from, to] = ["from", "to"].map((name) => new Date(`${String(form.get(name))}Z`)) as [Date, Date];
    if (!(from.getTime() < Math.min(to.getTime(), Date.now()))) return setMistake(words.rangePicker.itBeginsAfterItsEnd);
    setMistake(null);
    setOpen(false);
    void setState({ range: null, from, to });
  }

  return (
    <div role="group" aria-label={words.rangePicker.rangeOfTime} aria-busy={busy} className="flex items-center divide-x overflow-hidden rounded-md border">
      {ranges.map((each) => (
        <button key={each} type="button" aria-label={`${each}, ${rangeWords[each]}`} aria-pressed={!shown.custom && range === each} className={item} onClick={() => void setState({ range: each, from: null, to: null })}>
          {each}
        </button>
      ))}
      <Popover open={open} onOpenChange={setOpen}>
        <PopoverTrigger asChild>
          <button type="button" aria-label={words.rangePicker.rangeOfYourOwn} data-custom={shown.custom || undefined} className={cn(item, "data-custom:bg-accent data-custom:text-accent-foreground")}>
            <CalendarRange className="size-3.5" aria-hidden />
          </button>
        </PopoverTrigger>
        <PopoverContent align="end" aria-label={words.rangePicker.rangeOfYourOwn}>
          <form className="grid gap-3" onSubmit={apply}>
            <Field label={words.rangePicker.fromUtc} id="range-from"><Input {...fieldControl("range-from", { required: true })} name="from" type="datetime-local" required defaultValue={inputValue(shown.from)} /></Field>
            <Field label={words.rangePicker.toUtc} id="range-to" error={mistake ?? undefined}><Input {...fieldControl("range-to", { required: true, error: mistake })} name="to" type="datetime-local" required defaultValue={inputValue(shown.to)} /></Field>
            <Button type="submit" size="sm">{words.rangePicker.showThisRange}</Button>
          </form>
        </PopoverContent>
      </Popover>
    </div>
  );
}
