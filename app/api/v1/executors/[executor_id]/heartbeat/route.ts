import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { heartbeatExecutor } from "@/lib/ops/executor-registry.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("heartbeat_executor", async ({ db, params, body }) => reply(200, await heartbeatExecutor(db, params.executor_id, body))),
});
