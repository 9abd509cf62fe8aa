import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { changeConnection } from "@/lib/ops/connections.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_connection", async ({ db, params }) => reply(200, await callRpc(db, "get_connection", params))),
  PUT: route("change_connection", async ({ db, params, body }) => reply(200, await changeConnection(db, params.connection_id, body))),
  DELETE: route("delete_connection", async ({ db, params }) => {
    await callRpc(db, "delete_connection", params);
    return reply(204, undefined);
  }),
});
