import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listSessions } from "@/lib/ops/sessions.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_sessions", async ({ db }) => reply(200, await listSessions(db))),
});
