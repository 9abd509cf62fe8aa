"use client";

import { Check, ChevronsUpDown } from "lucide-react";
import NextLink from "next/link";
import { usePathname } from "next/navigation";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuGroup,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import { environmentPath, environmentPathOf } from "@/components/common/environment-path";
import { groupBy } from "@/lib/group-by";
import { messages } from "@/lib/messages";
import { holds, navEntries } from "./nav";
import { type EnvironmentChoice, useOpenEnvironment } from "./open-environment";

type EnvironmentSwitcherProps = {
  environments: readonly EnvironmentChoice[];
  /** The one that is shown where the address names none. */
  lastEnvironmentId: string | undefined;
};

/** Organization, project and environment of the page. Another one opens the same page there. */
export function EnvironmentSwitcher({ environments, lastEnvironmentId }: EnvironmentSwitcherProps) {
  const pathname = usePathname();
  const current = useOpenEnvironment(environments, lastEnvironmentId);
  // A run or a table of one environment is not there in another: the list of its kind is.
  const page = pathname.slice(environmentPathOf(pathname)?.length ?? 0);
  const list = navEntries.find((entry) => holds(entry, page))?.href ?? "/runs";
  const projects = groupBy(environments, (each) => `${each.organization_slug}/${each.project_slug}`);
  return (
    <DropdownMenu>
      <DropdownMenuTrigger className="flex h-8 min-w-0 items-center gap-1.5 rounded-md px-2 text-sm hover:bg-accent data-[state=open]:bg-accent">
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
      </DropdownMenuTrigger>
      <DropdownMenuContent align="start" className="min-w-56">
        {[...projects].map(([project, members]) => (
          <DropdownMenuGroup key={project}>
            <DropdownMenuLabel>{members[0]?.organization_name} / {members[0]?.project_name}</DropdownMenuLabel>
            {members.map((each) => (
              <DropdownMenuItem key={each.environment_id} asChild aria-current={each === current ? "true" : undefined}>
                <NextLink href={environmentPath({ organization: each.organization_slug, project: each.project_slug, environment: each.slug }) + list} prefetch={false}>
                  {each.name}
                  {each === current ? <Check className="ms-auto" aria-hidden /> : null}
                </NextLink>
              </DropdownMenuItem>
            ))}
          </DropdownMenuGroup>
        ))}
        {environments.length > 0 ? <DropdownMenuSeparator /> : null}
        <DropdownMenuItem asChild>
          <NextLink href="/o">{messages.shell.allOrganizations}</NextLink>
        </DropdownMenuItem>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
