import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { acceptInvitation } from "@/lib/ops/members.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("accept_invitation", async ({ db, body }) => reply(200, await acceptInvitation(db, body.token))),
});
