import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listFreshness } from "@/lib/ops/freshness.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_freshness", async ({ db, query }) => reply(200, await listFreshness(db, query))),
});
