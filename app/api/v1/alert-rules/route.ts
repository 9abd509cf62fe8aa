import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createAlertRule, listAlertRules } from "@/lib/ops/alerts.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_alert_rules", async ({ db, query }) => reply(200, await listAlertRules(db, query))),
  POST: route("create_alert_rule", async ({ db, body }) => reply(201, await createAlertRule(db, body))),
});
