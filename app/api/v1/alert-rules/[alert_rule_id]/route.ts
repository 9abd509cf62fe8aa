import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { changeAlertRule, deleteAlertRule, getAlertRule } from "@/lib/ops/alerts.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_alert_rule", async ({ db, params }) => reply(200, await getAlertRule(db, params.alert_rule_id))),
  PATCH: route("change_alert_rule", async ({ db, params, body }) => reply(200, await changeAlertRule(db, params.alert_rule_id, body))),
  DELETE: route("delete_alert_rule", async ({ db, params }) => {
    await deleteAlertRule(db, params.alert_rule_id);
    return reply(204, undefined);
  }),
});
