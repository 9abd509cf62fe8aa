"use client";

import { ConfirmButton } from "@/components/common/confirm-button";
import { NativeSelect } from "@/components/common/native-select";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Member } from "@/contracts/member";
import { atLeast, roles } from "@/contracts/words";
import { words } from "@/lib/messages/members";
import type { Outcome } from "@/lib/ops/attempt";
import { scopeKey, type Scope } from "./scopes";

export type MemberActionSet = {
  change: (membershipId: string, role: string) => Promise<Outcome<Member>>;
  remove: (membershipId: string) => Promise<Outcome<void>>;
};
type MemberTableProps = { members: readonly Member[]; ownUserId: string | null; scopes: readonly Scope[]; actions: MemberActionSet };

export function MemberTable({ members, ownUserId, scopes, actions }: MemberTableProps) {
  const { pending, act } = useAct();
  return (
    <Table label={words.memberTable.membersByEmail} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.memberTable.member}</TableHead><TableHead>{words.memberTable.where}</TableHead><TableHead>{words.memberTable.role}</TableHead><TableHead>{words.memberTable.lastSignIn}</TableHead><TableHead><span className="sr-only">{words.memberTable.remove}</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {members.map((member) => {
          const name = member.email ?? words.memberTable.somebodyWithoutAnAddress;
          const own = member.user_id === ownUserId;
          const highest = scopes.find((each) => each.key === scopeKey(member))?.highest;
          const governs = highest !== undefined && atLeast(highest, member.role);
          return (
            <TableRow key={member.membership_id}>
              <TableCell>{name}{own ? <span className="ms-1.5 text-xs text-muted-foreground">{words.memberTable.you}</span> : null}</TableCell>
              <TableCell>{member.project_slug === null ? words.memberTable.theWholeOrganization : <code className="text-xs">{member.project_slug}{member.environment_slug === null ? "" : ` / ${member.environment_slug}`}</code>}</TableCell>
              <TableCell>
                {governs ? (
                  <NativeSelect aria-label={words.memberTable.roleOf(name)} value={member.role} disabled={pending} onChange={(event) => act(() => actions.change(member.membership_id, event.target.value))} className="h-7 w-28">
                    {roles.map((role) => <option key={role} value={role} disabled={!atLeast(highest, role)}>{role}</option>)}
                  </NativeSelect>
                ) : member.role}
              </TableCell>
              <TableCell narrow={false}><Time at={member.last_sign_in_at} absent={words.memberTable.never} /></TableCell>
              <TableCell numeric>
                <ConfirmButton
                  disabled={pending} aria-label={own ? words.memberTable.leave : words.memberTable.removeLabel(name)} confirm={own ? words.memberTable.leave : words.memberTable.remove}
                  title={own ? words.memberTable.leaveTitle : words.memberTable.removeQuestion(name)} description={words.memberTable.itHoldsAtTheNext}
                  refused={own || governs ? null : words.memberTable.thisNeedsTheRoleAdmin}
                  onConfirm={() => act(() => actions.remove(member.membership_id))}
                >{own ? words.memberTable.leave : words.memberTable.remove}</ConfirmButton>
              </TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
