import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { timestamp, uuid } from "@/contracts/common.ts";
import { invitation, type Invitation, type inviteMemberRequest, type listInvitationsQuery, type listMembersQuery, type Member, type NewInvitation, type OpenInvitation } from "@/contracts/member.ts";
import type { Role } from "@/contracts/role.ts";
import { atLeast, roles } from "@/contracts/words.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { invitationPath, mailInvitation } from "./invitation-mail.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

/** By e-mail. Throws `not_found`. */
export async function listMembers(db: Db, { organization_id, limit, cursor }: z.output<typeof listMembersQuery>): Promise<{ items: Member[]; next_cursor: string | null }> {
  const [after] = decodeCursor(cursor, [uuid]) ?? [];
  const rows = await callRpc(db, "list_members", { organization_id, after: after ?? null, at_most: limit + 1 });
  return pageOf(rows, limit, (row) => [row.membership_id]);
}

/** Throws `not_found`, `forbidden`, `conflict` for the last owner. */
export function changeMember(db: Db, membership_id: string, role: Role): Promise<Member> {
  return callRpc(db, "change_member", { membership_id, role });
}

/** Removes a member, or leaves. Throws `not_found`, `forbidden`, `conflict` for the last owner. */
export async function removeMember(db: Db, membership_id: string): Promise<void> {
  await callRpc(db, "remove_member", { membership_id });
}

/** Newest first. */
export async function listInvitations(db: Db, { organization_id, open, limit, cursor }: z.output<typeof listInvitationsQuery>): Promise<{ items: Invitation[]; next_cursor: string | null }> {
  const key = decodeCursor(cursor, [timestamp, uuid]);
  let query = db.from("invitations").select(columns(invitation.shape)).eq("organization_id", organization_id);
  if (open) query = query.is("accepted_at", null).is("revoked_at", null).gt("expires_at", new Date().toISOString());
  if (key !== null) query = query.or(beyond(["created_at", "invitation_id"], key, "lt"));
  const rows = await readRows(invitation, query.order("created_at", { ascending: false }).order("invitation_id", { ascending: false }).limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.created_at, row.invitation_id]);
}

/** The token is made here, so that the database never sees it: it gets the SHA-256. 256 random bits. `site` is where people reach the control room. Throws `not_found`, `forbidden`, `conflict`. */
export async function inviteMember(db: Db, { expires_in_days, ...body }: z.output<typeof inviteMemberRequest>, site: string): Promise<NewInvitation> {
  const token = `lci_${randomBytes(32).toString("base64url")}`;
  const made = await callRpc(db, "invite_member", {
    ...body, token_sha256: createHash("sha256").update(token).digest("hex"), expires_at: new Date(Date.now() + expires_in_days * 86_400_000).toISOString(),
  });
  return { ...made, token, path: invitationPath(token), mailed: await mailInvitation(made.email, token, site) };
}

/** Void from now on. Throws `not_found`, `conflict` for one that was accepted. */
export async function revokeInvitation(db: Db, invitation_id: string): Promise<void> {
  await callRpc(db, "revoke_invitation", { invitation_id });
}

/** What accepting would mean. Throws `not_found` for a token that is used, revoked or expired, `forbidden` for another person's. */
export function getInvitation(db: Db, token: string): Promise<OpenInvitation> {
  return callRpc(db, "get_invitation", { token });
}

/** Once. Throws as getInvitation does. */
export function acceptInvitation(db: Db, token: string): Promise<Member> {
  return callRpc(db, "accept_invitation", { token });
}

/** Whether a person's own memberships make it an admin of the whole project. The database decides again. */
export async function managesProject(db: Db, userId: string | null, { organization_id, project_id }: { organization_id: string; project_id: string }): Promise<boolean> {
  if (userId === null) return false;
  const held = await readRows(membership, db.from("memberships").select(columns(membership.shape)).eq("user_id", userId).eq("organization_id", organization_id).is("environment_id", null));
  return held.some((each) => (each.project_id === null || each.project_id === project_id) && atLeast(each.role, "admin"));
}
const membership = z.object({ project_id: uuid.nullable(), role: z.enum(roles) });
