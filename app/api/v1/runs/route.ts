import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createRun } from "@/lib/ops/create-run.ts";
import { listRuns } from "@/lib/ops/runs.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_runs", async ({ db, query }) => reply(200, await listRuns(db, query))),
  POST: route("create_run", async ({ db, body, headers, via }) => {
    const { run, created } = await createRun(db, body, { trigger: via === "session" ? "manual" : "api", idempotency_key: headers["Idempotency-Key"] });
    return reply(created ? 201 : 200, run);
  }),
});
