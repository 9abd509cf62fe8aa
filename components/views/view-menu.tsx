"use client";

import { ChevronDown, ListFilter } from "lucide-react";
import { useSearchParams } from "next/navigation";
import { Button } from "@/components/ui/button";
import { OnDemandButton } from "@/components/ui/on-demand";
import type { View, ViewList, Views } from "@/contracts/view";
import { words } from "@/lib/messages/views";
import type { Outcome } from "@/lib/ops/attempt";
import { viewQuery } from "./view-query";

export type ViewActions = {
  save: (request: unknown) => Promise<Outcome<View>>;
  remove: (viewId: string) => Promise<Outcome<unknown>>;
  setDefault: (projectId: string, list: ViewList, viewId: string | null) => Promise<Outcome<unknown>>;
};
export type ViewMenuProps = {
  list: ViewList;
  projectId: string;
  views: Views;
  /** Why this role may not share a view with the project; null: it may. */
  refusedToShare: string | null;
  /** Whether this role may change and delete what others have shared. */
  governs: boolean;
  actions: ViewActions;
};

const load = () => import("./views-list").then((loaded) => loaded.ViewsList);

/** The names under which filters of a list are kept. The one that shows what the address shows is marked. */
export function ViewMenu(menu: ViewMenuProps) {
  const query = viewQuery(useSearchParams().toString());
  const current = menu.views.items.find((each) => each.query === query);
  return (
    <OnDemandButton load={load} part={{ ...menu, query, current }} popup="dialog">
      <Button variant="outline" size="sm" className="max-w-56">
        <ListFilter aria-hidden />
        <span className="sr-only">{words.viewMenu.view} </span>
        <span className="truncate">{current?.name ?? (query === "" ? words.viewMenu.everything : words.viewMenu.views)}</span>
        <ChevronDown aria-hidden />
      </Button>
    </OnDemandButton>
  );
}
