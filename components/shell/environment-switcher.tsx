"use client";

import { ChevronsUpDown } from "lucide-react";
import { OnDemandButton } from "@/components/ui/on-demand";
import { messages } from "@/lib/messages";
import { type EnvironmentChoice, useOpenEnvironment } from "./open-environment";

type EnvironmentSwitcherProps = {
  environments: readonly EnvironmentChoice[];
  /** The one that is shown where the address names none. */
  lastEnvironmentId: string | undefined;
};

const load = () => import("./environment-list").then((loaded) => loaded.EnvironmentList);

/** Organization, project and environment of the page. Another one opens the same page there. */
export function EnvironmentSwitcher({ environments, lastEnvironmentId }: EnvironmentSwitcherProps) {
  const current = useOpenEnvironment(environments, lastEnvironmentId);
  return (
    <OnDemandButton load={load} part={{ environments, current }} popup="menu">
      <button type="button" className="flex h-8 min-w-0 items-center gap-1.5 rounded-md px-2 text-sm hover:bg-accent data-[state=open]:bg-accent">
        <span className="sr-only">{messages.shell.environment}</span>
        {current ? (
          <>
            <span className="hidden truncate text-muted-foreground sm:inline">{current.organization_name}</span>
            <span className="hidden text-muted-foreground sm:inline" aria-hidden>/</span>
            <span className="hidden truncate text-muted-foreground sm:inline">{current.project_name}</span>
            <span className="hidden text-muted-foreground sm:inline" aria-hidden>/</span>
            <span className="truncate font-medium">{current.name}</span>
          </>
        ) : (
          <span className="truncate text-muted-foreground">{messages.shell.noEnvironment}</span>
        )}
        <ChevronsUpDown className="size-3.5 shrink-0 text-muted-foreground" aria-hidden />
      </button>
    </OnDemandButton>
  );
}
