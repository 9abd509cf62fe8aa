import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpc } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  PUT: route("reseal_secret", async ({ db, params, headers, body }) =>
    reply(200, { resealed: await callRpc(db, "reseal_secret", { ...params, lease_token: headers["Lease-Token"], ...body }) })),
});
