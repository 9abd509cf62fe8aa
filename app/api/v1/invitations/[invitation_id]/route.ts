import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { revokeInvitation } from "@/lib/ops/members.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  DELETE: route("revoke_invitation", async ({ db, params }) => {
    await revokeInvitation(db, params.invitation_id);
    return reply(204, undefined);
  }),
});
