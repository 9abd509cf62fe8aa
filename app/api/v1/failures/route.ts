import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listFailures } from "@/lib/ops/failures.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_failures", async ({ db, query }) => reply(200, { items: await listFailures(db, query.environment_id, query.state) })),
});
