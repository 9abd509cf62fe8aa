import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getRun } from "@/lib/ops/runs.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_run", async ({ db, params }) => reply(200, await getRun(db, params.run_id))),
});
