import { numberOf } from "@/components/common/number-of";
import type { Schedule } from "@/contracts/schedule";
import { words } from "@/lib/messages/schedules";
import type { CatchUp, Overlap } from "./words";

const textFields = ["name", "template_key", "template_version", "cron", "time_zone", "parameters", "queue", "labels", "priority", "max_attempts", "jitter_seconds", "catchup_hours", "pause_on_failure"] as const;
export type ScheduleField = (typeof textFields)[number];
/** What the form holds: text as it is typed, so that nothing half-written is lost or guessed at. */
export type ScheduleValues = Record<ScheduleField, string> & { start_at: string | null; end_at: string | null; overlap: Overlap; catch_up: CatchUp };

const hour = 3600;

export function scheduleValues(schedule: Schedule | null, fresh: { template_key: string; time_zone: string }): ScheduleValues {
  if (schedule === null) {
    return {
      ...fresh, name: "", template_version: "", cron: "0 6 * * *", parameters: "{}", queue: "default", labels: "", priority: "100", max_attempts: "3", jitter_seconds: "0", catchup_hours: "24", pause_on_failure: "",
      start_at: null, end_at: null, overlap: "skip", catch_up: "latest",
    };
  }
  const { name, template_key, cron, time_zone, queue, start_at, end_at, overlap, catch_up } = schedule;
  return {
    name, template_key, cron, time_zone, queue, start_at, end_at, overlap, catch_up,
    template_version: textOf(schedule.template_version), parameters: JSON.stringify(schedule.parameters, null, 2), labels: schedule.labels.join(", "), priority: textOf(schedule.priority),
    max_attempts: textOf(schedule.max_attempts), jitter_seconds: textOf(schedule.jitter_seconds), catchup_hours: textOf(schedule.catchup_window_seconds / hour), pause_on_failure: textOf(schedule.pause_on_failure),
  };
}

const textOf = (value: number | null) => (value === null ? "" : String(value));
const orNull = (text: string) => (text.trim() === "" ? null : numberOf(text));

/** As the contract has it; `problem` where the parameters are no JSON object. */
export function scheduleRequest(values: ScheduleValues): { request: Record<string, unknown>; problem: null } | { request: null; problem: string } {
  const parameters = readObject(values.parameters);
  if (parameters === null) return { request: null, problem: words.scheduleValues.mustBeOneJsonObject };
  const hours = numberOf(values.catchup_hours);
  return {
    problem: null,
    request: {
      name: values.name.trim(), template_key: values.template_key, template_version: orNull(values.template_version), cron: values.cron.trim().replace(/\s+/g, " "), time_zone: values.time_zone.trim(), parameters,
      queue: values.queue.trim(), labels: values.labels.split(",").map((label) => label.trim()).filter((label) => label !== ""), priority: numberOf(values.priority), max_attempts: numberOf(values.max_attempts),
      jitter_seconds: numberOf(values.jitter_seconds), start_at: values.start_at, end_at: values.end_at, overlap: values.overlap, catch_up: values.catch_up,
      catchup_window_seconds: typeof hours === "number" ? Math.round(hours * hour) : hours, pause_on_failure: orNull(values.pause_on_failure),
    },
  };
}

/** Only what this form changed: what another has changed meanwhile, and this form never touched, stays theirs. */
export function changesOf(schedule: Schedule, request: Record<string, unknown>): Record<string, unknown> {
  const before = scheduleRequest(scheduleValues(schedule, schedule)).request ?? {};
  return Object.fromEntries(Object.entries(request).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}

function readObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text.trim() === "" ? "{}" : text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
