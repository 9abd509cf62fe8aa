import { z } from "zod";
import { page, pageQuery, slug, text, timestamp, uuid } from "./common.ts";
import { role } from "./role.ts";

/** A role over an organization, one of its projects, or one environment of a project. */
const scope = { organization_id: uuid, project_id: uuid.nullable().describe("null: the whole organization"), environment_id: uuid.nullable().describe("null: the whole project") };

export const member = z.object({
  membership_id: uuid,
  user_id: uuid,
  email: z.string().nullable(),
  role,
  ...scope,
  project_slug: slug.nullable(),
  environment_slug: slug.nullable(),
  created_at: timestamp,
  last_sign_in_at: timestamp.nullable(),
}).meta({ id: "Member" });
export type Member = z.infer<typeof member>;
export const memberPage = page(member).meta({ id: "MemberPage" });
export const listMembersQuery = pageQuery.extend({ organization_id: uuid });
export const changeMemberRequest = z.strictObject({ role }).meta({ id: "ChangeMemberRequest" });

export const invitation = z.object({
  invitation_id: uuid,
  email: z.string(),
  role,
  ...scope,
  created_by: uuid.nullable(),
  created_by_name: z.string().nullable(),
  created_at: timestamp,
  expires_at: timestamp,
  accepted_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
}).meta({ id: "Invitation" });
export type Invitation = z.infer<typeof invitation>;
export const invitationPage = page(invitation).meta({ id: "InvitationPage" });
export const listInvitationsQuery = pageQuery.extend({ organization_id: uuid, open: z.stringbool().optional().describe("true: only those that can still be accepted") });
export const inviteMemberRequest = z.strictObject({
  organization_id: uuid,
  project_id: uuid.nullable().default(null),
  environment_id: uuid.nullable().default(null),
  email: text.trim().max(255).regex(/^[^@\s]+@[^@\s]+$/, "an e-mail address"),
  role,
  expires_in_days: z.int().min(1).max(30).default(7),
}).meta({ id: "InviteMemberRequest" });
export const newInvitation = invitation.extend({
  token: z.string().describe("lci_…, shown this once; only its SHA-256 is kept"),
  path: z.string().describe("the page that accepts it, below the address of the control room"),
  mailed: z.boolean().describe("the auth server has sent the link to the address; false: pass it on"),
}).meta({ id: "NewInvitation" });
export type NewInvitation = z.infer<typeof newInvitation>;
export const acceptInvitationRequest = z.strictObject({ token: text.min(1).max(200) }).meta({ id: "AcceptInvitationRequest" });

/** What the invited person sees before it accepts. */
export const openInvitation = z.object({
  email: z.string(),
  role,
  invited_by: z.string().nullable(),
  expires_at: timestamp,
  organization_name: z.string(),
  project_name: z.string().nullable(),
  environment_name: z.string().nullable(),
});
export type OpenInvitation = z.infer<typeof openInvitation>;
