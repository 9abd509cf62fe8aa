"use server";

import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { inviteMemberRequest, type Member, type NewInvitation } from "@/contracts/member.ts";
import { role } from "@/contracts/role.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { changeMember, inviteMember, removeMember, revokeInvitation } from "@/lib/ops/members.ts";
import { siteUrl } from "@/app/(auth)/site.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
export async function inviteAction(request: z.input<typeof inviteMemberRequest>): Promise<Outcome<NewInvitation>> {
  return attempt(async () => inviteMember(await createSessionClient(), inviteMemberRequest.parse(request), await siteUrl()));
}

export async function changeMemberAction(...args: [membershipId: string, role: string]): Promise<Outcome<Member>> {
  return attempt(async () => {
    const [id, wanted] = z.tuple([uuid, role]).parse(args);
    return changeMember(await createSessionClient(), id, wanted);
  });
}

export async function removeMemberAction(membershipId: string): Promise<Outcome<void>> {
  return attempt(async () => removeMember(await createSessionClient(), uuid.parse(membershipId)));
}

export async function revokeInvitationAction(invitationId: string): Promise<Outcome<void>> {
  return attempt(async () => revokeInvitation(await createSessionClient(), uuid.parse(invitationId)));
}
