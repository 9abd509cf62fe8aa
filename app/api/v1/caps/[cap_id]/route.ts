import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { changeCap } from "@/lib/ops/caps.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_cap", async ({ db, params }) => reply(200, await callRpc(db, "get_cap", params))),
  PATCH: route("change_cap", async ({ db, params, body }) => reply(200, await changeCap(db, params.cap_id, body))),
  DELETE: route("delete_cap", async ({ db, params }) => {
    await callRpc(db, "delete_cap", params);
    return reply(204, undefined);
  }),
});
