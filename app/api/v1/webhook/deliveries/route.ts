import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { administeredProject, listDeliveries } from "@/lib/ops/webhooks.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_deliveries", async ({ db, query }) => reply(200, await listDeliveries(db, await administeredProject(db, query), query))),
});
