import type { AlertCondition, AlertKind, AlertRule, Notification, NotificationStatus } from "@/contracts/alert.ts";
import { catalogue, plural } from "./catalogue";

type Severity = AlertRule["severity"];

const severity: Record<Severity, string> = { info: "Info", warning: "Warning", critical: "Critical" };
const status: Record<NotificationStatus, string> = { firing: "Firing", acknowledged: "Acknowledged", snoozed: "Snoozed", resolved: "Resolved" };
const kind: Record<AlertKind, string> = {
  run_failed: "A pipeline fails", run_slow: "A run takes too long", run_waiting: "A run waits too long", run_signal: "A signal of a run is high", run_warned: "A run warns",
  dataset_stale: "A dataset is late", executor_offline: "An executor is silent", cap_used: "A cap is nearly used",
};
const nobodyTold: Record<NotificationStatus, { title: string; description: string }> = {
  firing: { title: "Nothing fires", description: "What a rule finds is here until somebody takes it, or it is over." },
  acknowledged: { title: "Nobody looks at anything", description: "What somebody acknowledged is here until it is over." },
  snoozed: { title: "Nothing is snoozed", description: "A snoozed alert says nothing until its time is over." },
  resolved: { title: "Nothing was resolved yet", description: "What is over is here, and fires again when it comes back." },
};

/** What a rule watches for, to follow "When". `span` writes seconds. */
function whenWords(condition: AlertCondition, span: (seconds: number) => string): string {
  const pipeline = "pipeline" in condition && condition.pipeline !== undefined ? condition.pipeline : "any pipeline";
  switch (condition.kind) {
    case "run_failed": return condition.in_a_row === 1 ? `${pipeline} fails` : `${pipeline} fails ${condition.in_a_row} times in a row`;
    case "run_slow": return `a run of ${pipeline} takes longer than ${span(condition.seconds)}`;
    case "run_waiting": return `a run of ${pipeline} waits longer than ${span(condition.seconds)}`;
    case "run_signal": return `a run of ${pipeline} ends with ${condition.signal} at ${condition.at_least} or more`;
    case "run_warned": return `a run of ${pipeline} warns of ${condition.warning}`;
    case "dataset_stale": {
      const what = condition.dataset ?? (condition.table_group === undefined ? "any dataset" : `any dataset of ${condition.table_group}`);
      return condition.state === "late" ? `${what} is late` : `${what} is older than promised`;
    }
    case "executor_offline": return `${condition.executor === undefined ? "any executor" : `the executor ${condition.executor}`} gives no sign of life`;
    case "cap_used": return `${condition.cap_key === undefined ? "any cap" : `the cap ${condition.cap_key}`} is used to ${condition.percent} %`;
    default: return condition satisfies never;
  }
}

export const words = catalogue({
  meta: "What rules found in this environment, and the rules that look for it.",
  views: "Alerts",
  rules: "Rules",
  severity,
  status,
  kind,
  nobodyTold,
  inbox: {
    label: (word: string) => `Alerts: ${word}`,
    what: "What",
    rule: "Rule",
    seen: "Seen",
    state: "State",
    act: "Deal with it",
    times: (count: number) => `${count} ${plural(count, { one: "time", other: "times" })}`,
    first: "first",
    last: "last",
    since: "since",
    until: "until",
    over: "over",
    by: (who: Notification["marked_by"]) => `by ${who ?? "somebody"}`,
    holdsNoMore: "it holds no more",
    acknowledge: "Acknowledge",
    acknowledgeNamed: (title: string) => `Acknowledge: ${title}`,
    snooze: "Snooze",
    snoozeNamed: (title: string) => `Snooze: ${title}`,
    resolve: "Resolve",
    resolveNamed: (title: string) => `Resolve: ${title}`,
    wake: "Let it fire",
    wakeNamed: (title: string) => `Let it fire: ${title}`,
    minutes: { 30: "30 minutes", 60: "1 hour", 240: "4 hours", 1440: "1 day", 10080: "1 week" } as const,
    more: (count: number) => `The newest ${count} are shown.`,
  },
  ruleList: {
    label: "Alert rules, by name",
    rule: "Rule",
    severity: "Severity",
    state: "State",
    judged: "Judged",
    change: "Change",
    on: "On",
    off: "Off",
    broken: "Cannot be judged",
    emptyTitle: "No rule yet",
    emptyDescription: "A rule watches for one thing, such as a pipeline that fails three times in a row, and tells the webhook.",
    deleteWhat: (name: string) => `the alert rule ${name}`,
    deleteDescription: "What it found goes with it.",
    changedBy: "Who changed them",
  },
  form: {
    new: "New rule",
    change: "Change",
    changeNamed: (name: string) => `Change the rule ${name}`,
    title: (name: string) => `Rule ${name}`,
    description: "It is judged every twenty seconds, and tells the webhook once when it begins and once when it is over.",
    name: "Name",
    kind: "When",
    any: "Any",
    pipeline: "Pipeline",
    in_a_row: "Failures in a row",
    span: "Longer than",
    spanDescription: "Such as 90s, 5m or 1h 30m.",
    signal: "Signal",
    signalDescription: "One that the run sets, or retries, duration_ratio, quality_failures and the others of scores.",
    at_least: "At or over",
    warning: "Warning",
    warningDescription: "A word in the data of an event, such as source_slot_lag.",
    dataset: "Dataset",
    table_group: "Table group",
    optional: "Empty: any.",
    dataState: "It is",
    late: "Late or worse",
    breached: "Older than promised",
    executor: "Executor",
    cap_key: "Key of the cap",
    percent: "Percent of the limit",
    for_minutes: "For so many minutes",
    forDescription: "How long it must hold before anybody hears of it.",
    severity: "Severity",
    enabled: "It watches",
    preview: "Preview",
    previewing: "Looking…",
    notASpan: "is no duration, such as 90s, 5m or 1h 30m",
    lookFirst: "Look at the list before you send it again.",
    saved: (name: string) => `The rule ${name} is saved.`,
    close: "Close",
    save: "Save",
    saving: "Saving…",
  },
  sentence: (condition: AlertCondition, forMinutes: number, severity: Severity, span: (seconds: number) => string) =>
    `When ${whenWords(condition, span)}${forMinutes === 0 ? "" : ` for ${span(forMinutes * 60)}`}, tell it as ${severity}.`,
  preview: {
    fired: (fired: number, days: number) => `It would have fired ${fired} ${plural(fired, { one: "time", other: "times" })} in the last ${days} days.`,
    unknown: "How often it would have fired stands nowhere: the control room keeps no history of it.",
    holds: (holds: number) => (holds === 0 ? "Now it finds nothing." : `Now it finds ${holds}:`),
  },
});
