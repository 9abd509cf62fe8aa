"use client";

import { Check } from "lucide-react";
import NextLink from "next/link";
import { usePathname } from "next/navigation";
import { environmentPath, environmentPathOf } from "@/components/common/environment-path";
import { DropdownMenuGroup, DropdownMenuItem, DropdownMenuLabel, DropdownMenuSeparator, TakenMenu } from "@/components/ui/dropdown-menu";
import type { Taken } from "@/components/ui/on-demand";
import { groupBy } from "@/lib/group-by";
import { messages } from "@/lib/messages";
import { holds, navEntries } from "./nav";
import type { EnvironmentChoice } from "./open-environment";

export type EnvironmentListProps = Taken & { environments: readonly EnvironmentChoice[]; current: EnvironmentChoice | undefined };

/** Every environment that this person sees; each opens the same page there. */
export function EnvironmentList({ environments, current, ...taken }: EnvironmentListProps) {
  const pathname = usePathname();
  // A run or a table of one environment is not there in another: the list of its kind is.
  const page = pathname.slice(environmentPathOf(pathname)?.length ?? 0);
  const list = navEntries.find((entry) => holds(entry, page))?.href ?? "/runs";
  const projects = groupBy(environments, (each) => `${each.organization_slug}/${each.project_slug}`);
  return (
    <TakenMenu align="start" className="min-w-56" {...taken}>
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
    </TakenMenu>
  );
}
