"use client";

import { ConfirmButton } from "@/components/common/confirm-button";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Invitation } from "@/contracts/member";
import { words } from "@/lib/messages/members";
import type { Outcome } from "@/lib/ops/attempt";
import { scopeKey, type Scope } from "./scopes";

type InvitationTableProps = { invitations: readonly Invitation[]; scopes: readonly Scope[]; revokeAction: (invitationId: string) => Promise<Outcome<void>> };

export function InvitationTable({ invitations, scopes, revokeAction }: InvitationTableProps) {
  const { pending, act } = useAct();
  if (invitations.length === 0) return <p className="py-6 text-center text-muted-foreground">{words.invitationTable.nobodyIsInvited}</p>;
  return (
    <Table label={words.invitationTable.openInvitationsNewestFirst} cards>
      <TableHeader>
        <TableRow><TableHead>{words.invitationTable.email}</TableHead><TableHead>{words.invitationTable.where}</TableHead><TableHead>{words.invitationTable.role}</TableHead><TableHead>{words.invitationTable.ends}</TableHead><TableHead><span className="sr-only">{words.invitationTable.revoke}</span></TableHead></TableRow>
      </TableHeader>
      <TableBody>
        {invitations.map((invitation) => (
          <TableRow key={invitation.invitation_id}>
            <TableCell>{invitation.email}</TableCell>
            <TableCell>{scopes.find((each) => each.key === scopeKey(invitation))?.name ?? "—"}</TableCell>
            <TableCell>{invitation.role}</TableCell>
            <TableCell><Time at={invitation.expires_at} /></TableCell>
            <TableCell numeric>
              <ConfirmButton disabled={pending} aria-label={words.invitationTable.revokeTheInvitationOf(invitation.email)} confirm={words.invitationTable.revoke} title={words.invitationTable.revokeTheInvitationOfQuestion(invitation.email)} description={words.invitationTable.revokeTheInvitationOfDescription} onConfirm={() => act(() => revokeAction(invitation.invitation_id))}>{words.invitationTable.revoke}</ConfirmButton>
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
