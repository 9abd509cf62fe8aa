import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("explain_run", async ({ db, params }) => reply(200, await callRpc(db, "explain_run", params))),
});
