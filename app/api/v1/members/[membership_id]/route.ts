import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { changeMember, removeMember } from "@/lib/ops/members.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  PATCH: route("change_member", async ({ db, params, body }) => reply(200, await changeMember(db, params.membership_id, body.role))),
  DELETE: route("remove_member", async ({ db, params }) => {
    await removeMember(db, params.membership_id);
    return reply(204, undefined);
  }),
});
