import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  PUT: route("put_signals", async ({ db, params, headers, body }) => reply(200, await callRpc(db, "put_signals", { run_id: params.run_id, lease_token: headers["Lease-Token"], signals: body.signals }))),
});
