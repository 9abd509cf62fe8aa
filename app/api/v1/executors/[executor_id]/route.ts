import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { deleteExecutor, getExecutor, updateExecutor } from "@/lib/ops/executor-registry.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_executor", async ({ db, params }) => reply(200, await getExecutor(db, params.executor_id))),
  PATCH: route("update_executor", async ({ db, params, body }) => reply(200, await updateExecutor(db, params.executor_id, body))),
  DELETE: route("delete_executor", async ({ db, params }) => {
    await deleteExecutor(db, params.executor_id);
    return reply(204, undefined);
  }),
});
