import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { inviteMember, listInvitations } from "@/lib/ops/members.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_invitations", async ({ db, query }) => reply(200, await listInvitations(db, query))),
  POST: route("invite_member", async ({ db, body, request }) => reply(201, await inviteMember(db, body, new URL(request.url).origin))),
});
