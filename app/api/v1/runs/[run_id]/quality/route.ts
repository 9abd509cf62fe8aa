import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("record_quality", async ({ db, params, headers, body }) =>
    reply(200, await callRpc(db, "record_quality", { ...params, ...body, lease_token: headers["Lease-Token"] }))),
});
