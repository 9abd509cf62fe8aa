import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createRuns } from "@/lib/ops/create-run.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("create_runs", async ({ db, body, via }) => reply(200, await createRuns(db, body, via === "session" ? "manual" : "api"))),
});
