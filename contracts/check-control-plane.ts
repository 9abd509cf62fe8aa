import { checkRouting } from "./check-routing.ts";
import { checkSpec } from "./check-spec.ts";
import { controlPlane, type ControlPlane } from "./control-plane.ts";
import { timesMistake } from "./cron.ts";
import { jsonPointer } from "./canonical.ts";
import type { ErrorPlace } from "./error.ts";
import { readSpecText } from "./spec-text.ts";

export type ControlPlaneCheck = { document: ControlPlane; errors: [] } | { document: null; errors: ErrorPlace[] };

/**
 * Checks a document of a control plane, as YAML or JSON text or as a parsed value: its form, and what its parts say about each other. Errors of a text have line
 * and column. A routing matrix alone (config/routing_matrix.yml) is taken as a document with that section. Never throws for what it is given.
 */
export function checkControlPlane(input: unknown): ControlPlaneCheck {
  if (typeof input !== "string") return checkDocument(input, (path) => ({ path: jsonPointer(path) }));
  const text = readSpecText(input);
  return text.errors.length > 0 ? { document: null, errors: text.errors } : checkDocument(text.value, text.placeOf);
}

type Locate = (path: readonly PropertyKey[]) => Pick<ErrorPlace, "path" | "line" | "column">;

function checkDocument(value: unknown, locate: Locate): ControlPlaneCheck {
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, "rules")) return checkValue(value, locate);
  const { version, ...routing } = value as Record<string, unknown>;
  return checkValue({ version, routing }, (path) => locate(path[0] === "routing" ? path.slice(1) : path));
}

function checkValue(value: unknown, locate: Locate): ControlPlaneCheck {
  const errors: ErrorPlace[] = [];
  const report = (path: readonly PropertyKey[], code: string, message: string) => { errors.push({ ...locate(path), code, message }); };
  const parsed = controlPlane.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      if (issue.code === "unrecognized_keys") for (const key of issue.keys) report([...issue.path, key], "unknown_field", "is not a field of this");
      else report(issue.path, issue.code, issue.message);
    }
    return { document: null, errors };
  }
  const { data: document } = parsed;
  const twice = <T>(section: string, items: readonly T[], nameOf: (item: T) => string) => {
    const seen = new Set<string>();
    for (const [index, item] of items.entries()) {
      if (seen.has(nameOf(item))) report([section, index], "duplicate", `${nameOf(item)} is there twice`);
      seen.add(nameOf(item));
    }
    return seen;
  };
  const { templates, executors = [], caps = [], schedules = [], alert_rules: rules = [], routing } = document;
  const keys = twice("templates", templates ?? [], (item) => item.template_key);
  twice("executors", executors, (item) => item.name);
  twice("caps", caps, (item) => `${item.scope} ${item.environment ?? "*"} ${item.cap_key} ${item.unit} ${item.period}`);
  twice("schedules", schedules, (item) => `${item.environment} ${item.name}`);
  twice("alert_rules", rules, (item) => `${item.environment} ${item.name}`);
  for (const [index, item] of (templates ?? []).entries()) {
    const at = ["templates", index];
    const spec = checkSpec(item.spec);
    for (const error of spec.errors.slice(0, 5)) report([...at, "spec"], error.code ?? "invalid_spec", `${error.path}: ${error.message}`);
    if (spec.spec !== null && spec.spec.name !== item.template_key) report([...at, "template_key"], "name_differs", `the spec is called ${spec.spec.name}`);
    if (spec.sha256 !== null && spec.sha256 !== item.spec_sha256) report([...at, "spec_sha256"], "hash_differs", `the spec has the hash ${spec.sha256}`);
  }
  for (const [index, item] of caps.entries()) {
    if ((item.scope === "project") !== (item.environment === null)) report(["caps", index, "environment"], "scope_differs", "an environment is named where the scope is environment, and only there");
  }
  for (const [index, item] of schedules.entries()) {
    const mistake = timesMistake(item);
    if (mistake !== null) report(["schedules", index, mistake.field], mistake.code, mistake.message);
    if (templates !== undefined && !keys.has(item.template_key)) report(["schedules", index, "template_key"], "unknown_template", `the document has templates, and none is ${item.template_key}`);
    if (item.start_at !== null && item.end_at !== null && Date.parse(item.start_at) >= Date.parse(item.end_at)) report(["schedules", index, "end_at"], "ends_before_start", "is not after start_at");
  }
  for (const [index, { condition }] of rules.entries()) {
    if (templates !== undefined && "pipeline" in condition && condition.pipeline !== undefined && !keys.has(condition.pipeline)) report(["alert_rules", index, "condition", "pipeline"], "unknown_template", `the document has templates, and none is ${condition.pipeline}`);
  }
  for (const [index, item] of executors.entries()) {
    if (item.drain_comment !== null && !item.draining) report(["executors", index, "drain_comment"], "not_draining", "is for an executor that drains");
  }
  if (routing) checkRouting(routing, (code, path, message) => report(["routing", ...path], code, message));
  return errors.length === 0 ? { document, errors: [] } : { document: null, errors };
}
