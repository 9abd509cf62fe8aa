import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getSignalWeights, putSignalWeights } from "@/lib/ops/scores.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_signal_weights", async ({ db, query }) => reply(200, await getSignalWeights(db, query.project))),
  PUT: route("put_signal_weights", async ({ db, query, body }) => reply(200, await putSignalWeights(db, query.project, body.weights))),
});
