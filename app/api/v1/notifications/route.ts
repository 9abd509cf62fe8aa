import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listNotifications } from "@/lib/ops/alerts.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_notifications", async ({ db, query }) => reply(200, await listNotifications(db, query))),
});
