import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { callRpcForBytes } from "@/lib/ops/rpc.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("report_runs", async ({ db, body }) => reply(200, await callRpcForBytes(db, "report_runs", body))),
});
