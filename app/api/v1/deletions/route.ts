import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("preview_deletion", async ({ db, query }) => reply(200, await callRpc(db, "preview_deletion", query))),
  POST: route("delete_scope", async ({ db, body }) => {
    await callRpc(db, "delete_scope", body);
    return reply(204, undefined);
  }),
});
