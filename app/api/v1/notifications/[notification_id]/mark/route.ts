import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { markNotification } from "@/lib/ops/alerts.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  PUT: route("mark_notification", async ({ db, params, body }) => reply(200, await markNotification(db, params.notification_id, body))),
});
