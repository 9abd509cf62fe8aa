"use client";

import { ConfirmButton } from "@/components/common/confirm-button";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Invitation } from "@/contracts/member";
import type { Outcome } from "@/lib/ops/attempt";
import { scopeKey, type Scope } from "./scopes";

type InvitationTableProps = { invitations: readonly Invitation[]; scopes: readonly Scope[]; revokeAction: (invitationId: string) => Promise<Outcome<void>> };

export function InvitationTable({ invitations, scopes, revokeAction }: InvitationTableProps) {
  const { pending, act } = useAct();
  if (invitations.length === 0) return <p className="py-6 text-center text-muted-foreground">Nobody is invited.</p>;
  return (
    <Table label="Open invitations, newest first" cards>
      <TableHeader>
        <TableRow><TableHead>E-mail</TableHead><TableHead>Where</TableHead><TableHead>Role</TableHead><TableHead>Ends</TableHead><TableHead><span className="sr-only">Revoke</span></TableHead></TableRow>
      </TableHeader>
      <TableBody>
        {invitations.map((invitation) => (
          <TableRow key={invitation.invitation_id}>
            <TableCell>{invitation.email}</TableCell>
            <TableCell>{scopes.find((each) => each.key === scopeKey(invitation))?.name ?? "—"}</TableCell>
            <TableCell>{invitation.role}</TableCell>
            <TableCell><Time at={invitation.expires_at} /></TableCell>
            <TableCell numeric>
              <ConfirmButton disabled={pending} aria-label={`Revoke the invitation of ${invitation.email}`} confirm="Revoke" title={`Revoke the invitation of ${invitation.email}?`} description="Its link opens nothing from now on." onConfirm={() => act(() => revokeAction(invitation.invitation_id))}>Revoke</ConfirmButton>
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
