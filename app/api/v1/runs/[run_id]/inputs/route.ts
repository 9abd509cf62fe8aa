import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("pin_inputs", async ({ db, params, headers, body }) =>
    reply(200, await callRpc(db, "pin_inputs", { ...params, lease_token: headers["Lease-Token"], ...body }))),
});
