import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { search } from "@/lib/ops/search.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("search", async ({ db, query }) => reply(200, { items: await search(db, query.environment_id, query.query) })),
});
