import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { countRuns } from "@/lib/ops/runs.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("count_runs", async ({ db, query: { environment_id, ...filter } }) => reply(200, await countRuns(db, environment_id, filter))),
});
