"use client";

import { ConfirmButton } from "@/components/common/confirm-button";
import { NativeSelect } from "@/components/common/native-select";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Member } from "@/contracts/member";
import { atLeast, roles } from "@/contracts/role";
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
    <Table label="Members, by e-mail" cards>
      <TableHeader>
        <TableRow>
          <TableHead>Member</TableHead><TableHead>Where</TableHead><TableHead>Role</TableHead><TableHead>Last sign-in</TableHead><TableHead><span className="sr-only">Remove</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {members.map((member) => {
          const name = member.email ?? "somebody without an address";
          const own = member.user_id === ownUserId;
          const highest = scopes.find((each) => each.key === scopeKey(member))?.highest;
          const governs = highest !== undefined && atLeast(highest, member.role);
          return (
            <TableRow key={member.membership_id}>
              <TableCell>{name}{own ? <span className="ms-1.5 text-xs text-muted-foreground">you</span> : null}</TableCell>
              <TableCell>{member.project_slug === null ? "the whole organization" : <code className="text-xs">{member.project_slug}{member.environment_slug === null ? "" : ` / ${member.environment_slug}`}</code>}</TableCell>
              <TableCell>
                {governs ? (
                  <NativeSelect aria-label={`Role of ${name}`} value={member.role} disabled={pending} onChange={(event) => act(() => actions.change(member.membership_id, event.target.value))} className="h-7 w-28">
                    {roles.map((role) => <option key={role} value={role} disabled={!atLeast(highest, role)}>{role}</option>)}
                  </NativeSelect>
                ) : member.role}
              </TableCell>
              <TableCell narrow={false}><Time at={member.last_sign_in_at} absent="never" /></TableCell>
              <TableCell numeric>
                <ConfirmButton
                  disabled={pending} aria-label={own ? "Leave" : `Remove ${name}`} confirm={own ? "Leave" : "Remove"}
                  title={own ? "Leave?" : `Remove ${name}?`} description="It holds at the next request. An invitation brings the member back; what was done stays in the audit log."
                  refused={own || governs ? null : "This needs the role admin, and at least the member's own role."}
                  onConfirm={() => act(() => actions.remove(member.membership_id))}
                >{own ? "Leave" : "Remove"}</ConfirmButton>
              </TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
