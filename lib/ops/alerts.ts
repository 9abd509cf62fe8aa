import { z } from "zod";
import {
  alertRule, notification, type AlertPreview, type AlertRule, type changeAlertRuleRequest, type createAlertRuleRequest, type listAlertRulesQuery, type listNotificationsQuery, type MarkNotificationRequest, type Notification,
  type previewAlertRuleRequest,
} from "@/contracts/alert.ts";
import { timestamp, uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment } from "./environments.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

interface Page<T> { items: T[]; next_cursor: string | null }

/** Alert rules of an environment, by name. */
export async function listAlertRules(db: Db, filter: z.output<typeof listAlertRulesQuery>): Promise<Page<AlertRule>> {
  const after = decodeCursor(filter.cursor, [z.string()]);
  let query = db.from("alert_rules").select(columns(alertRule.shape)).eq("environment_id", filter.environment_id);
  if (after !== null) query = query.gt("name", after[0]);
  const rows = await readRows(alertRule, query.order("name").limit(filter.limit + 1));
  return pageOf(rows, filter.limit, (row) => [row.name]);
}

/** Throws `not_found`. */
export async function getAlertRule(db: Db, alertRuleId: string): Promise<AlertRule> {
  const [found] = await readRows(alertRule, db.from("alert_rules").select(columns(alertRule.shape)).eq("alert_rule_id", alertRuleId).limit(1));
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such alert rule, or you may not see it.");
  return found;
}

/** Throws `not_found`, `forbidden`, `conflict`, `invalid_input`. */
export async function createAlertRule(db: Db, { environment, project, ...rule }: z.output<typeof createAlertRuleRequest>): Promise<AlertRule> {
  const { environment_id } = await resolveEnvironment(db, { environment, project });
  return callRpc(db, "save_alert_rule", { request: { environment_id, ...rule } });
}

/** Changes what is given. Throws `not_found`, `forbidden`, `conflict` (also for a `base_version` that is no longer the present one), `invalid_input`. */
export function changeAlertRule(db: Db, alert_rule_id: string, change: z.output<typeof changeAlertRuleRequest>): Promise<AlertRule> {
  return callRpc(db, "save_alert_rule", { request: { ...change, alert_rule_id } });
}

/** Throws `not_found`, `forbidden`. */
export async function deleteAlertRule(db: Db, alert_rule_id: string): Promise<void> {
  await callRpc(db, "delete_alert_rule", { alert_rule_id });
}

/** What a rule would find now, and how often it would have fired in the last seven days. Throws `not_found`, `invalid_input`. */
export async function previewAlertRule(db: Db, { environment, project, condition, for_minutes }: z.output<typeof previewAlertRuleRequest>): Promise<AlertPreview> {
  const { environment_id } = await resolveEnvironment(db, { environment, project });
  return callRpc(db, "preview_alert_rule", { environment_id, condition, for_minutes });
}

/** What alert rules found in an environment, what fired last first. */
export async function listNotifications(db: Db, filter: z.output<typeof listNotificationsQuery>): Promise<Page<Notification>> {
  const before = decodeCursor(filter.cursor, [timestamp, uuid]);
  let query = db.from("notification_list").select(columns(notification.shape)).eq("environment_id", filter.environment_id);
  if (filter.status !== undefined) query = query.eq("status", filter.status);
  if (filter.alert_rule_id !== undefined) query = query.eq("alert_rule_id", filter.alert_rule_id);
  if (before !== null) query = query.or(beyond(["fired_at", "notification_id"], before, "lt"));
  const rows = await readRows(notification, query.order("fired_at", { ascending: false }).order("notification_id", { ascending: false }).limit(filter.limit + 1));
  return pageOf(rows, filter.limit, (row) => [row.fired_at, row.notification_id]);
}

/** Throws `not_found`, `forbidden`, `illegal_transition`, `invalid_input`. */
export function markNotification(db: Db, notification_id: string, { mark, minutes }: MarkNotificationRequest): Promise<Notification> {
  return callRpc(db, "mark_notification", { notification_id, mark, minutes: minutes ?? null });
}
