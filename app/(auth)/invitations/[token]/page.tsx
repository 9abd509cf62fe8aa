import type { Metadata } from "next";
import Link from "next/link";
import { connection } from "next/server";
import { openSession } from "@/app/(control-room)/session.ts";
import { AcceptInvitation, OtherAccount } from "@/components/auth/accept-invitation";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { words } from "@/lib/messages/auth";
import { attempt } from "@/lib/ops/attempt.ts";
import { getInvitation } from "@/lib/ops/members.ts";
import { acceptAction, otherAccountAction } from "./actions.ts";

// The address is a secret: no other site may learn it from a link.
export const metadata: Metadata = { title: words.tokenPage.invitation, referrer: "no-referrer" };

/** proxy.ts has asked who it is: only the invited address learns to what it is invited. */
export default async function Invitation({ params }: { params: Promise<{ token: string }> }) {
  await connection();
  const { token } = await params;
  const { db, me } = await openSession();
  const read = await attempt(() => getInvitation(db, token));
  if (!read.ok) {
    return (
      <AuthPage title={words.tokenPage.theInvitationCannotBeUsed} description={`${read.refusal.message} ${read.refusal.remedy}`.trim()} footer={<Link href="/o" className={authLinkClasses}>{words.tokenPage.toTheControlRoom}</Link>}>
        {read.refusal.code === "forbidden" ? <OtherAccount email={me.name} action={otherAccountAction.bind(null, token)} /> : null}
      </AuthPage>
    );
  }
  const { organization_name, project_name, environment_name, role, invited_by } = read.value;
  return (
    <AuthPage title={words.tokenPage.join(organization_name)} description={words.tokenPage.invitesYouAsOf(invited_by ?? words.tokenPage.anAdmin, role, [project_name, environment_name].filter(Boolean).join(" / ") || words.tokenPage.theWholeOrganization)}>
      <AcceptInvitation email={me.name} action={acceptAction.bind(null, token)} />
    </AuthPage>
  );
}
