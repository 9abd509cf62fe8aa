import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createExecutorToken, listExecutorTokens } from "@/lib/ops/executor-registry.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_executor_tokens", async ({ db, params }) => reply(200, await listExecutorTokens(db, params.executor_id))),
  POST: route("create_executor_token", async ({ db, params, body }) => reply(201, await createExecutorToken(db, params.executor_id, body))),
});
