import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("publish_dataset", async ({ db, params, headers, body }) =>
    reply(201, await callRpc(db, "publish_dataset", { ...params, lease_token: headers["Lease-Token"], dataset: body }))),
});
