import { z } from "zod";
import { exportedAlertRule } from "./alert.ts";
import { capPeriods, capUnits } from "./words.ts";
import { canonicalJson } from "./canonical.ts";
import { capKey, jsonObject, sha256, slug, text, word } from "./common.ts";
import { createCapRequest } from "./cap.ts";
import { createExecutorRequest, updateExecutorRequest } from "./executor.ts";
import { routing } from "./routing.ts";
import { createScheduleRequest } from "./schedule.ts";

const { name, template_key, cron, time_zone, parameters, queue, labels, priority, max_attempts, jitter_seconds, start_at, end_at, overlap, catch_up, catchup_window_seconds, pause_on_failure } = createScheduleRequest.shape;

const template = z.strictObject({ template_key: word, spec_sha256: sha256, spec: jsonObject });
const executor = z.strictObject({
  name: createExecutorRequest.shape.name, environments: createExecutorRequest.shape.environments, allowed_queues: createExecutorRequest.shape.allowed_queues,
  draining: z.boolean().default(false), drain_comment: updateExecutorRequest.shape.drain_comment.default(null),
});
const cap = z.strictObject({
  scope: z.enum(["environment", "project"]), environment: slug.nullable().describe("null where the scope is the project"), cap_key: capKey, unit: z.enum(capUnits), period: z.enum(capPeriods),
  time_zone: createCapRequest.shape.time_zone, limit_amount: createCapRequest.shape.limit_amount, enabled: createCapRequest.shape.enabled,
});
const schedule = z.strictObject({
  environment: slug, name, template_key, pinned_spec_sha256: sha256.nullable().default(null).describe("the spec whose version runs; null: the current one at each fire"), cron, time_zone, parameters, queue, labels, priority,
  max_attempts, jitter_seconds, start_at: start_at.unwrap().default(null), end_at: end_at.unwrap().default(null), overlap, catch_up, catchup_window_seconds, pause_on_failure: pause_on_failure.unwrap().default(null), paused: z.boolean().default(false),
});

const sections = {
  templates: z.array(template).max(2000), executors: z.array(executor).max(2000), caps: z.array(cap).max(2000), schedules: z.array(schedule).max(5000),
  alert_rules: z.array(exportedAlertRule).max(5000),
  routing: routing.nullable().describe("one thing, since the order of its rules decides: taken as a whole; null: the project has none"),
};
/** What steers a project, without ids, moments and secrets. A section that is absent is left alone; one that is there is the whole of it. */
export const controlPlane = z.strictObject({
  version: z.literal(1), templates: sections.templates.optional(), executors: sections.executors.optional(), caps: sections.caps.optional(), schedules: sections.schedules.optional(), alert_rules: sections.alert_rules.optional(), routing: sections.routing.optional(),
}).meta({ id: "ControlPlane" });
export type ControlPlane = z.infer<typeof controlPlane>;
export const exportedControlPlane = z.object({ version: z.literal(1), ...sections }).meta({ id: "ExportedControlPlane" });

const state = sha256.describe("of the state in the database; equal states of two databases have the same");
export const controlPlaneExport = z.object({ document: exportedControlPlane, state_sha256: state }).meta({ id: "ControlPlaneExport" });
const change = z.object({
  kind: z.enum(["template", "executor", "cap", "schedule", "alert_rule", "routing"]), action: z.enum(["create", "change", "delete"]), name: z.string(), before: jsonObject.nullable(), after: jsonObject.nullable(),
}).meta({ id: "ControlPlaneChange" });
export type ControlPlaneChange = z.infer<typeof change>;
export const controlPlanePlan = z.object({ changes: z.array(change), state_sha256: state.describe("of the state that it was made from"), after_sha256: state.describe("of the state that it leads to") }).meta({ id: "ControlPlanePlan" });
export const projectSlugQuery = z.object({ project: slug.optional().describe("may be left out where the caller sees one project") });
export const planControlPlaneRequest = z.strictObject({ document: controlPlane, prune: z.boolean().default(false).describe("delete what a section of the document does not name; templates are kept always") }).meta({ id: "PlanControlPlaneRequest" });
export const applyControlPlaneRequest = z.strictObject({ ...planControlPlaneRequest.shape, state_sha256: sha256.describe("of the plan"), after_sha256: sha256.describe("of the plan") }).meta({ id: "ApplyControlPlaneRequest" });

/** The document as SQL takes it: each spec as the text that its hash is of. */
export const controlPlaneArgument = controlPlane.extend({ templates: z.array(z.object({ template_key: word, spec_sha256: sha256, spec_text: text })).optional() });
export function controlPlaneArgumentOf(document: ControlPlane): z.infer<typeof controlPlaneArgument> {
  return { ...document, templates: document.templates?.map(({ spec, ...rest }) => ({ ...rest, spec_text: canonicalJson(spec) })) };
}
