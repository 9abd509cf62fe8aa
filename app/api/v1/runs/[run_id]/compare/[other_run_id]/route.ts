import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { compareRuns } from "@/lib/ops/compare-runs.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("compare_runs", async ({ db, params }) => reply(200, await compareRuns(db, params.run_id, params.other_run_id))),
});
