import { expect } from "vitest";
import { nobody, type ContractCalls } from "./contract-calls.ts";

/** Alert rules, and the notification that the tick makes of one. `failed` is a pipeline whose run that ended last has failed. */
export async function alerts({ live, tenant, well, badly }: ContractCalls, failed: string): Promise<void> {
  const condition = { kind: "run_failed", pipeline: failed, in_a_row: 1 };
  const place = { environment_id: tenant.environment_id };
  expect(await well("preview_alert_rule", { body: { condition } }, 200)).toMatchObject({ days: 7 });
  await badly("preview_alert_rule", "invalid_input", { body: { condition: { kind: "moon_full" } } });
  const { alert_rule_id } = await well("create_alert_rule", { body: { name: "It failed", condition } }, 201) as { alert_rule_id: string };
  const params = { alert_rule_id };
  await badly("create_alert_rule", "conflict", { body: { name: "It failed", condition } });
  expect(await well("list_alert_rules", { query: place }, 200)).toMatchObject({ items: [{ alert_rule_id, version: 1 }] });
  await badly("list_alert_rules", "invalid_input", { query: { ...place, cursor: "not a cursor" } });
  await well("get_alert_rule", { params }, 200);
  await badly("get_alert_rule", "not_found", { params: { alert_rule_id: nobody } });
  expect(await well("change_alert_rule", { params, body: { severity: "critical", base_version: 1 } }, 200)).toMatchObject({ version: 2, severity: "critical" });
  await badly("change_alert_rule", "conflict", { params, body: { severity: "info", base_version: 1 } });
  await expect.poll(async () => (await live.sql("select from ops.notifications where alert_rule_id = $1 and fired_at is not null", [alert_rule_id])).length, { timeout: 60_000, interval: 500 }).toBe(1);
  const { items } = await well("list_notifications", { query: { ...place, status: "firing" } }, 200) as { items: { notification_id: string; subject: string }[] };
  expect(items).toMatchObject([{ subject: failed }]);
  await badly("list_notifications", "invalid_input", { query: { ...place, status: "asleep" } });
  const found = { params: { notification_id: items[0]?.notification_id ?? "" } };
  expect(await well("mark_notification", { ...found, body: { mark: "snoozed", minutes: 5 } }, 200)).toMatchObject({ status: "snoozed" });
  expect(await well("mark_notification", { ...found, body: { mark: "resolved" } }, 200)).toMatchObject({ status: "resolved" });
  await badly("mark_notification", "illegal_transition", { ...found, body: { mark: "acknowledged" } });
  await badly("mark_notification", "invalid_input", { ...found, body: { mark: "snoozed" } });
  await well("delete_alert_rule", { params }, 204);
  await badly("delete_alert_rule", "not_found", { params });
}
