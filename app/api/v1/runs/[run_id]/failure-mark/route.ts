import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { markFailure } from "@/lib/ops/failures.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  PUT: route("mark_failure", async ({ db, params, body }) => reply(200, await markFailure(db, params.run_id, body))),
});
