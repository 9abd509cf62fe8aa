import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { revokeExecutorToken } from "@/lib/ops/executor-registry.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  DELETE: route("revoke_executor_token", async ({ db, params }) => {
    await revokeExecutorToken(db, params.executor_id, params.executor_token_id);
    return reply(204, undefined);
  }),
});
