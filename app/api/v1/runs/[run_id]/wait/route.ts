import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("wait_for_children", async ({ db, params, headers }) => reply(200, await callRpc(db, "wait_for_children", { ...params, lease_token: headers["Lease-Token"] }))),
});
