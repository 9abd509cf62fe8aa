import type { Metadata } from "next";
import NextLink from "next/link";
import { connection } from "next/server";
import { CreateScope } from "@/components/account/create-scope";
import { EmptyState } from "@/components/common/empty-state";
import { environmentPath } from "@/components/common/environment-path";
import { PageHeader } from "@/components/shell/page-header";
import { atLeast } from "@/contracts/words.ts";
import { groupBy } from "@/lib/group-by";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/account";
import { openSession, pathOf } from "../session.ts";
import { ControlRoomShell } from "../shell";
import { createAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.shell.allOrganizations };

/** Where a person starts who sees several organizations, or none; and where new ones are made. */
export default async function Organizations() {
  await connection();
  const { me } = await openSession();
  const organizations = groupBy(me.environments, (each) => each.organization_id);
  const admin = (environments: typeof me.environments) => environments.some((each) => each.role !== null && atLeast(each.role, "admin"));
  return (
    <ControlRoomShell>
      {() => (
        <>
          <PageHeader title={messages.shell.allOrganizations} actions={me.environments.some((each) => each.role === "owner") ? <CreateScope kind="organization" createAction={createAction} /> : null} />
          {me.environments.length === 0 ? <EmptyState title={words.rootPage.youAreAMember} description={words.rootPage.youAreAMemberDescription} /> : null}
          {[...organizations].map(([organizationId, environments]) => {
            const organization = environments[0]?.organization_name ?? "";
            return (
              <section key={organizationId} className="grid gap-3" aria-label={organization}>
                <div className="flex flex-wrap items-center justify-between gap-2 border-b pb-2">
                  <h2 className="text-sm font-semibold">{organization}</h2>
                  {admin(environments) ? <CreateScope kind="project" within={organizationId} withinName={organization} createAction={createAction} /> : null}
                </div>
                {[...groupBy(environments, (each) => each.project_id)].map(([projectId, places]) => {
                  const project = places[0]?.project_name ?? "";
                  return (
                    <div key={projectId} className="flex flex-wrap items-center gap-x-4 gap-y-1">
                      <h3 className="min-w-40 font-medium">{project}</h3>
                      <ul className="flex flex-1 flex-wrap gap-x-4 gap-y-1">
                        {places.map((each) => (
                          <li key={each.environment_id} className="inline-flex items-center gap-1.5">
                            <NextLink href={`${environmentPath(pathOf(each))}/runs`} className="inline-flex min-h-6 items-center text-link underline-offset-4 hover:underline">{each.name}</NextLink>
                            <span className="text-xs text-muted-foreground">{each.role}</span>
                          </li>
                        ))}
                      </ul>
                      {admin(places) ? <CreateScope kind="environment" within={projectId} withinName={project} createAction={createAction} /> : null}
                    </div>
                  );
                })}
              </section>
            );
          })}
        </>
      )}
    </ControlRoomShell>
  );
}
