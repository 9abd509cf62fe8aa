import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { computeRunScore, getRunScore } from "@/lib/ops/scores.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_run_score", async ({ db, params }) => reply(200, await getRunScore(db, params.run_id))),
  POST: route("compute_run_score", async ({ db, params }) => reply(200, await computeRunScore(db, params.run_id))),
});
