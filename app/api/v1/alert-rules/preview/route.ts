import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { previewAlertRule } from "@/lib/ops/alerts.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("preview_alert_rule", async ({ db, body }) => reply(200, await previewAlertRule(db, body))),
});
