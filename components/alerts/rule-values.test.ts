import { expect, test } from "vitest";
import { alertKinds, createAlertRuleRequest, type AlertCondition, type AlertRule } from "@/contracts/alert";
import { words } from "@/lib/messages/alerts";
import { conditionOf, fieldsOf, requestOf, valuesOf } from "./rule-values";

const conditions: AlertCondition[] = [
  { kind: "run_failed", in_a_row: 3, pipeline: "odoo" }, { kind: "run_slow", seconds: 5400 }, { kind: "run_waiting", seconds: 90, pipeline: "odoo" }, { kind: "run_signal", signal: "rows_lost", at_least: 0.5 },
  { kind: "run_warned", warning: "source_slot_lag" }, { kind: "dataset_stale", state: "late", table_group: "finance" }, { kind: "executor_offline", executor: "local" }, { kind: "cap_used", percent: 80, cap_key: "odoo" },
];
const ruleOf = (condition: AlertCondition) => ({ name: "A rule", condition, for_minutes: 5, severity: "critical", enabled: false }) as AlertRule;

test("what the form shows of a rule of any kind is what it sends back", () => {
  expect(conditions.map(({ kind }) => kind)).toEqual(alertKinds);
  for (const condition of conditions) {
    const rule = ruleOf(condition);
    expect(createAlertRuleRequest.parse(requestOf(valuesOf(rule)))).toEqual(rule);
  }
});

test("a field that is missing or no number leaves no condition, and the contract names it", () => {
  for (const [kind, field, text] of [["run_slow", "seconds", "soon"], ["run_slow", "seconds", ""], ["run_failed", "in_a_row", "many"], ["run_signal", "signal", ""], ["cap_used", "percent", ""]] as const) {
    const values = { ...valuesOf(null), kind, name: "x" };
    values.fields[field] = text;
    expect(fieldsOf[kind]).toContain(field);
    expect(conditionOf(values), `${kind} ${field}`).toBeNull();
    expect(createAlertRuleRequest.safeParse(requestOf(values)).error?.issues.map(({ path }) => path.join("/"))).toEqual([`condition/${field}`]);
  }
});

test("a rule is said in a sentence", () => {
  const span = (seconds: number) => `${seconds / 60} min`;
  const said = conditions.map((condition) => words.sentence(condition, 0, "warning", span));
  expect(said[0]).toBe("When odoo fails 3 times in a row, tell it as warning.");
  expect(said[5]).toBe("When any dataset of finance is late, tell it as warning.");
  expect(words.sentence({ kind: "executor_offline" }, 5, "critical", span)).toBe("When any executor gives no sign of life for 5 min, tell it as critical.");
  expect(new Set(said).size).toBe(conditions.length);
});
