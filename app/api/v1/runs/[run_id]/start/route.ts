import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("start_run", async ({ db, params, headers }) =>
    reply(200, await callRpc(db, "start_run", { ...params, lease_token: headers["Lease-Token"] }))),
});
