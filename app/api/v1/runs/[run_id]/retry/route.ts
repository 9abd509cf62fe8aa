import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { retryRun } from "@/lib/ops/runs.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("retry_run", async ({ db, params, body, headers }) =>
    reply(201, await retryRun(db, params.run_id, { ...body, idempotency_key: headers["Idempotency-Key"] }))),
});
