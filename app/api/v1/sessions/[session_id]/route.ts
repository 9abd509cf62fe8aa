import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { revokeSession } from "@/lib/ops/sessions.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  DELETE: route("revoke_session", async ({ db, params }) => {
    await revokeSession(db, params.session_id);
    return reply(204, undefined);
  }),
});
