import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("get_run_secrets", async ({ db, params, headers }) =>
    reply(200, await callRpc(db, "get_run_secrets", { ...params, lease_token: headers["Lease-Token"] }))),
});
