"use client";

import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { cn } from "@/lib/cn";

/** Radix refuses an empty value, so "no filter" has a name of its own. */
const any = "any";
type FilterChoiceProps = { label: string; value: string | null; all: string; options: readonly string[]; words?: Readonly<Record<string, string>>; className?: string; onChange: (value: string | null) => void };

/** One value out of a few, or no filter. A value of the URL that is none of them is shown as it is. */
export function FilterChoice({ label, value, all, options, words = {}, className, onChange }: FilterChoiceProps) {
  const shown = value === null || options.includes(value) ? options : [value, ...options];
  return (
    <Select value={value ?? any} onValueChange={(next) => onChange(next === any ? null : next)}>
      <SelectTrigger aria-label={label} className={cn("h-7 w-44 text-xs", value !== null && "border-ring bg-accent text-accent-foreground", className)}><SelectValue /></SelectTrigger>
      <SelectContent>
        <SelectItem value={any}>{all}</SelectItem>
        {shown.map((option) => <SelectItem key={option} value={option}>{words[option] ?? option}</SelectItem>)}
      </SelectContent>
    </Select>
  );
}
