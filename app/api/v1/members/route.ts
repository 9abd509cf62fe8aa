import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listMembers } from "@/lib/ops/members.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_members", async ({ db, query }) => reply(200, await listMembers(db, query))),
});
