"use client";

import { OnDemandButton } from "@/components/ui/on-demand";
import { SelectButton } from "@/components/ui/select-button";
import { cn } from "@/lib/cn";

export type FilterChoiceProps = { label: string; value: string | null; all: string; options: readonly string[]; words?: Readonly<Record<string, string>>; className?: string; onChange: (value: string | null) => void };

export const filterChoiceClasses = (value: string | null, className?: string) => cn("h-7 w-44 text-xs", value !== null && "border-ring bg-accent text-accent-foreground", className);
const load = () => import("./filter-choice-list").then((loaded) => loaded.FilterChoiceList);

/** One value out of a few, or no filter. A value of the URL that is none of them is shown as it is. */
export function FilterChoice(props: FilterChoiceProps) {
  const { label, value, all, words = {}, className } = props;
  return (
    <OnDemandButton load={load} part={props} popup="listbox">
      <SelectButton aria-label={label} className={filterChoiceClasses(value, className)}>{value === null ? all : (words[value] ?? value)}</SelectButton>
    </OnDemandButton>
  );
}
