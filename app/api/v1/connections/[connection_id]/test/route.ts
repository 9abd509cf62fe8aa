import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("test_connection", async ({ db, params }) => reply(201, await callRpc(db, "test_connection", params))),
});
