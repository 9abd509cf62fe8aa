"use client";

import type { Taken } from "@/components/ui/on-demand";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { type FilterChoiceProps, filterChoiceClasses } from "./filter-choice";

/** Radix refuses an empty value, so "no filter" has a name of its own. */
const any = "any";

/** Stands where its button stood, which it draws itself, and begins open. */
export function FilterChoiceList({ label, value, all, options, words = {}, className, onChange }: Taken & FilterChoiceProps) {
  const shown = value === null || options.includes(value) ? options : [value, ...options];
  return (
    <Select defaultOpen value={value ?? any} onValueChange={(next) => onChange(next === any ? null : next)}>
      <SelectTrigger aria-label={label} className={filterChoiceClasses(value, className)}><SelectValue /></SelectTrigger>
      <SelectContent>
        <SelectItem value={any}>{all}</SelectItem>
        {shown.map((option) => <SelectItem key={option} value={option}>{words[option] ?? option}</SelectItem>)}
      </SelectContent>
    </Select>
  );
}
