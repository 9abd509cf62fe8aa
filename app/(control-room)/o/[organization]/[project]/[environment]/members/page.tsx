import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, one, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { Link } from "@/components/common/link";
import { RefusalState } from "@/components/common/refusal-state";
import { InvitationTable } from "@/components/members/invitation-table";
import { InviteForm } from "@/components/members/invite-form";
import { MemberTable } from "@/components/members/member-table";
import { RoleTable } from "@/components/members/role-table";
import { scopesOf } from "@/components/members/scopes";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { atLeast } from "@/contracts/words.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/members";
import { attempt } from "@/lib/ops/attempt.ts";
import { listInvitations, listMembers } from "@/lib/ops/members.ts";
import { changeMemberAction, inviteAction, removeMemberAction, revokeInvitationAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.members };
const pageSize = 100;

export default async function Members({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const { db, me, environment } = await openEnvironment(params);
  const { organization_id, organization_name } = environment;
  const cursor = one((await searchParams).cursor);
  const read = await attempt(() => Promise.all([listMembers(db, { organization_id, limit: pageSize, cursor }), listInvitations(db, { organization_id, open: true, limit: pageSize })]));
  if (!read.ok) return <RefusalState refusal={read.refusal} heading="h1" title={words.page.theMembersCouldNotBeLoaded} />;
  const [members, invitations] = read.value;
  const own = members.items.filter((each) => each.user_id === me.id);
  const scopes = scopesOf(me.environments, own, organization_id);
  const admin = environment.role !== null && atLeast(environment.role, "admin");
  return (
    <>
      <PageHeader title={messages.page.members} meta={<span>{organization_name}</span>} />
      <MemberTable members={members.items} ownUserId={me.id} scopes={scopes} actions={{ change: changeMemberAction, remove: removeMemberAction }} />
      {members.next_cursor ? (
        <nav aria-label={words.page.pagesOfMembers} className="flex justify-end">
          <Button asChild variant="outline" size="sm"><Link href={`/members?cursor=${members.next_cursor}`}>{words.page.nextPage}</Link></Button>
        </nav>
      ) : null}
      {!admin && members.items.every((each) => each.user_id === me.id) ? <p className="text-muted-foreground">{words.page.youSeeYourOwnRoles}</p> : null}
      {scopes.length > 0 ? (
        <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 xl:grid-cols-2">
          <section className="grid min-w-0 gap-3" aria-labelledby="invite">
            <h2 id="invite" className="text-sm font-semibold">{words.page.inviteSomebody}</h2>
            <InviteForm organizationId={organization_id} organizationName={organization_name} scopes={scopes} inviteAction={inviteAction} />
          </section>
          <section className="grid min-w-0 gap-3" aria-labelledby="invitations">
            <h2 id="invitations" className="text-sm font-semibold">{words.page.openInvitations}</h2>
            <InvitationTable invitations={invitations.items} scopes={scopes} revokeAction={revokeInvitationAction} />
          </section>
        </div>
      ) : null}
      <section className="grid min-w-0 gap-3" aria-labelledby="roles">
        <h2 id="roles" className="text-sm font-semibold">{words.page.whatARoleMayDo}</h2>
        <RoleTable />
      </section>
    </>
  );
}
