import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { cancelRun } from "@/lib/ops/runs.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("cancel_run", async ({ db, params, body }) => reply(200, await cancelRun(db, params.run_id, body.reason))),
});
