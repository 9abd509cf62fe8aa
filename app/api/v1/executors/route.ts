import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createExecutor } from "@/lib/ops/executor-registry.ts";
import { listExecutors } from "@/lib/ops/executors.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_executors", async ({ db, query }) => reply(200, await listExecutors(db, query))),
  POST: route("create_executor", async ({ db, body }) => reply(201, await createExecutor(db, body))),
});
