"use client";

import { ListFilter } from "lucide-react";
import { Button } from "@/components/ui/button";
import { OnDemandButton } from "@/components/ui/on-demand";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/runs";
import { moreFilters, type noMoreFilters, type RunListState } from "./list-state";

type Change = Partial<Pick<RunListState, keyof typeof noMoreFilters>>;
export type MoreFiltersProps = { state: RunListState; tags: readonly string[]; onChange: (change: Change) => void };

const load = () => import("./more-filter-fields").then((loaded) => loaded.MoreFilterFields);

/** The filters that are wanted less often: tag, label, checks, and how long runs took. */
export function MoreFilters(props: MoreFiltersProps) {
  const set = moreFilters(props.state);
  return (
    <OnDemandButton load={load} part={props} popup="dialog">
      <Button variant="outline" size="sm" className={cn(set > 0 && "border-ring bg-accent text-accent-foreground")}><ListFilter aria-hidden />{words.moreFilters.moreFilters}{set > 0 ? <span className="tabular-nums">{set}</span> : null}</Button>
    </OnDemandButton>
  );
}
