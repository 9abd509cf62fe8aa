import { parseSeconds, writeSeconds } from "@/components/runs/duration-words";
import { alertCondition, type AlertCondition, type AlertKind, type AlertRule } from "@/contracts/alert";

/** What the form asks for a kind beside what all rules have; those of `mayBeEmpty` stand for any where they are. */
export type ConditionField = "pipeline" | "in_a_row" | "seconds" | "signal" | "at_least" | "warning" | "dataset" | "table_group" | "state" | "executor" | "cap_key" | "percent";
export const fieldsOf: Record<AlertKind, readonly ConditionField[]> = {
  run_failed: ["in_a_row", "pipeline"], run_slow: ["seconds", "pipeline"], run_waiting: ["seconds", "pipeline"], run_signal: ["signal", "at_least", "pipeline"], run_warned: ["warning", "pipeline"],
  dataset_stale: ["state", "dataset", "table_group"], executor_offline: ["executor"], cap_used: ["percent", "cap_key"],
};
export const mayBeEmpty: ReadonlySet<ConditionField> = new Set(["pipeline", "dataset", "table_group", "executor", "cap_key"]);
const numbers: ReadonlySet<ConditionField> = new Set(["in_a_row", "at_least", "percent"]);

/** As the form holds a rule: texts, and every field of every kind, so that changing the kind and back loses nothing. */
export interface RuleValues {
  name: string;
  kind: AlertKind;
  fields: Record<ConditionField, string>;
  for_minutes: string;
  severity: AlertRule["severity"];
  enabled: boolean;
}
const usual: Record<ConditionField, string> = { pipeline: "", in_a_row: "1", seconds: "1h", signal: "", at_least: "1", warning: "", dataset: "", table_group: "", state: "breached", executor: "", cap_key: "", percent: "80" };

export function valuesOf(rule: AlertRule | null): RuleValues {
  const { kind, ...condition } = rule?.condition ?? { kind: "run_failed" as const };
  const given = Object.fromEntries(Object.entries(condition).map(([name, value]) => [name, name === "seconds" ? writeSeconds(Number(value)) : String(value)]));
  return { name: rule?.name ?? "", kind, fields: { ...usual, ...given }, for_minutes: String(rule?.for_minutes ?? 0), severity: rule?.severity ?? "warning", enabled: rule?.enabled ?? true };
}

/** A text that is no number is sent as it is: the contract's own words refuse it. */
const numberOf = (text: string): number | string => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));

/** What is sent. Whether it is right, the contract says. */
export function requestOf(values: RuleValues): { name: string; condition: Record<string, unknown>; for_minutes: number | string; severity: AlertRule["severity"]; enabled: boolean } {
  const given = fieldsOf[values.kind].flatMap((field): [string, unknown][] => {
    const text = values.fields[field].trim();
    if (text === "" && mayBeEmpty.has(field)) return [];
    return [[field, field === "seconds" ? (parseSeconds(text) ?? text) : numbers.has(field) ? numberOf(text) : text]];
  });
  return { name: values.name, condition: { kind: values.kind, ...Object.fromEntries(given) }, for_minutes: numberOf(values.for_minutes), severity: values.severity, enabled: values.enabled };
}

/** The condition as the contract reads it; null while something is missing or wrong. */
export function conditionOf(values: RuleValues): AlertCondition | null {
  return alertCondition.safeParse(requestOf(values).condition).data ?? null;
}
