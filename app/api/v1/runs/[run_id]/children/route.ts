import { canonicalJson } from "@/contracts/canonical.ts";
import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("create_children", async ({ db, params, headers, body: { spec, ...body } }) =>
    reply(200, await callRpc(db, "create_children", { ...params, ...body, spec_text: canonicalJson(spec), lease_token: headers["Lease-Token"] }))),
});
