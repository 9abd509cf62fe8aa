import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listArtifacts } from "@/lib/ops/artifacts.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_artifacts", async ({ db, params }) => reply(200, await listArtifacts(db, params.run_id))),
  POST: route("register_artifact", async ({ db, params, headers, body }) =>
    reply(201, await callRpc(db, "register_artifact", { ...params, lease_token: headers["Lease-Token"], artifact: body }))),
});
