import { z } from "zod";
import { capKey, datasetName, page, pageQuery, slug, text, timestamp, uuid, word } from "./common.ts";
import { severities } from "./routing.ts";

const pipeline = word.optional().describe("of this pipeline alone; absent: of any");
const seconds = z.int().min(1).max(31_622_400);
/** What a rule looks for, in the environment that it is of. SQL judges it (supabase/schemas/78_judge_alerts.sql). */
export const alertCondition = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("run_failed"), pipeline, in_a_row: z.int().min(1).max(100).describe("so many runs of a pipeline have failed since it last succeeded") }),
  z.strictObject({ kind: z.literal("run_slow"), pipeline, seconds: seconds.describe("a run has been running for longer") }),
  z.strictObject({ kind: z.literal("run_waiting"), pipeline, seconds: seconds.describe("a run has been queued for longer, counted from its run_after") }),
  z.strictObject({ kind: z.literal("run_signal"), pipeline, signal: word, at_least: z.number().min(-1e300).max(1e300).describe("the run of a pipeline that ended last had this signal at or over it") }),
  z.strictObject({ kind: z.literal("run_warned"), pipeline, warning: word.describe("the run of a pipeline that ended last had an event whose data name this warning") }),
  z.strictObject({ kind: z.literal("dataset_stale"), dataset: datasetName.optional(), table_group: word.optional(), state: z.enum(["late", "breached"]).describe("late holds for breached, too") }),
  z.strictObject({ kind: z.literal("executor_offline"), executor: text.min(1).max(200).optional() }),
  z.strictObject({ kind: z.literal("cap_used"), cap_key: capKey.optional(), percent: z.int().min(1).max(1000).describe("used and reserved in the window of now, in percent of the limit") }),
]);
export type AlertCondition = z.infer<typeof alertCondition>;
export type AlertKind = AlertCondition["kind"];
export const alertKinds = alertCondition.options.map(({ shape }) => shape.kind.value) as [AlertKind, ...AlertKind[]];

const fields = {
  name: text.min(1).max(200),
  condition: alertCondition,
  for_minutes: z.int().min(0).max(10_080).describe("how long it must hold before anybody hears of it"),
  severity: z.enum(severities),
  enabled: z.boolean(),
};
export const alertRule = z.object({
  alert_rule_id: uuid,
  environment_id: uuid,
  ...fields,
  version: z.int().describe("counts its changes"),
  created_by: z.string().nullable(),
  created_at: timestamp,
  updated_at: timestamp,
  judged_at: timestamp.nullable().describe("when the scheduler last judged it"),
  problem: z.string().nullable().describe("why it could not be judged since; null where it can"),
}).meta({ id: "AlertRule" });
export type AlertRule = z.infer<typeof alertRule>;
export const alertRulePage = page(alertRule).meta({ id: "AlertRulePage" });
export const listAlertRulesQuery = pageQuery.extend({ environment_id: uuid });

const filled = { ...fields, for_minutes: fields.for_minutes.default(0), severity: fields.severity.default("warning"), enabled: fields.enabled.default(true) };
/** As a document of the control plane holds it. */
export const exportedAlertRule = z.strictObject({ environment: slug, ...filled });
const place = { environment: slug.optional().describe("may be left out where the caller sees one environment"), project: slug.optional() };
export const createAlertRuleRequest = z.strictObject({ ...filled, ...place })
  .meta({ id: "CreateAlertRuleRequest", examples: [{ name: "Odoo fails", condition: { kind: "run_failed", pipeline: "odoo_ingest_bronze", in_a_row: 3 }, severity: "critical" }] });
const baseVersion = z.int().min(1).optional().describe("the version that the change was made from: refused with conflict where the rule has gone on");
export const changeAlertRuleRequest = z.strictObject({ ...z.strictObject(fields).partial().shape, base_version: baseVersion }).meta({ id: "ChangeAlertRuleRequest" });
export const savedAlertRule = z.object({ alert_rule_id: uuid.optional().describe("of the rule to change; without it one is made"), environment_id: uuid.optional(), ...changeAlertRuleRequest.shape });

export const previewAlertRuleRequest = z.strictObject({ condition: alertCondition, for_minutes: filled.for_minutes, ...place })
  .meta({ id: "PreviewAlertRuleRequest", examples: [{ condition: { kind: "run_slow", seconds: 3600 } }] });
export const alertPreview = z.object({
  days: z.int(),
  fired: z.int().nullable().describe("how often it would have fired in these days; null where the database keeps no history of it"),
  holds: z.int().describe("of how many subjects the condition holds now"),
  first: z.array(z.object({ subject: z.string(), title: z.string(), path: z.string() })).max(20),
}).meta({ id: "AlertPreview" });
export type AlertPreview = z.infer<typeof alertPreview>;

export const notificationStatuses = ["firing", "acknowledged", "snoozed", "resolved"] as const;
export type NotificationStatus = (typeof notificationStatuses)[number];
/** What a rule found about one subject: one for both, however often it comes back. */
export const notification = z.object({
  notification_id: uuid,
  environment_id: uuid,
  alert_rule_id: uuid,
  rule: z.string(),
  severity: z.enum(severities),
  subject: z.string().describe("the pipeline, dataset, executor or cap"),
  title: z.string(),
  path: z.string().describe("the page to look at, below that of the environment"),
  run_id: uuid.nullable().describe("the run that shows it"),
  status: z.enum(notificationStatuses),
  holds_since: timestamp.nullable().describe("null: it does not hold now"),
  occurrences: z.int().describe("how often it began to hold, and of runs each that showed it"),
  snoozed_until: timestamp.nullable(),
  marked_by: z.string().nullable(),
  marked_at: timestamp.nullable(),
  first_seen_at: timestamp,
  last_seen_at: timestamp,
  fired_at: timestamp.describe("when it last began to fire"),
  resolved_at: timestamp.nullable(),
}).meta({ id: "Notification" });
export type Notification = z.infer<typeof notification>;
export const notificationPage = page(notification).meta({ id: "NotificationPage" });
export const listNotificationsQuery = pageQuery.extend({ environment_id: uuid, status: z.enum(notificationStatuses).optional(), alert_rule_id: uuid.optional() });

export const notificationMarks = ["acknowledged", "snoozed", "none", "resolved"] as const;
export const longestSnooze = 43_200;
export const markNotificationRequest = z.strictObject({
  mark: z.enum(notificationMarks).describe("none: it fires as before"),
  minutes: z.int().min(1).max(longestSnooze).optional().describe("of the snooze"),
}).refine(({ mark, minutes }) => (mark === "snoozed") === (minutes !== undefined), { error: "is given for a snooze, and only for that", path: ["minutes"] })
  .meta({ id: "MarkNotificationRequest", examples: [{ mark: "snoozed", minutes: 60 }] });
export type MarkNotificationRequest = z.infer<typeof markNotificationRequest>;
