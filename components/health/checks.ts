import type { Executor, Health } from "@/contracts/executor";
import { formatCount, formatDuration, formatList } from "@/lib/format";
import { words } from "@/lib/messages/health";

export type CheckState = "ok" | "warning" | "failed";
export type HealthCheck = {
  part: string;
  state: CheckState;
  finding: string;
  /** What to do about it; null where all is well. */
  remedy: string | null;
};

/** Schedules are late by so much at most before it is worth a look; a cron that calls once a minute stays below. */
const lateAfterSeconds = 90;
const downAfterSeconds = 300;

/** What an operator wants to know of the installation first: each part, what was found, and what to do. */
export function healthChecks(health: Health, executors: readonly Pick<Executor, "name" | "status" | "last_seen_at">[]): HealthCheck[] {
  return [database(health), storage(health), scheduler(health), queue(health), fleet(executors)];
}

function database({ database: state, schema_version }: Health): HealthCheck {
  const part = words.checks.database;
  if (state !== "ok") return { part, state: "failed", finding: words.checks.itDoesNotAnswer, remedy: words.checks.lookAtPostgresAndPostgrest };
  return { part, state: "ok", finding: schema_version === null ? words.checks.itAnswers : words.checks.itAnswersSchema(schema_version), remedy: null };
}

function storage({ storage: state }: Health): HealthCheck {
  const part = words.checks.artifactStore;
  return state === "ok" ? { part, state: "ok", finding: words.checks.itAnswers, remedy: null } : { part, state: "failed", finding: words.checks.itDoesNotAnswer, remedy: words.checks.checkControlRoomStorage };
}

function scheduler({ scheduler_lag_seconds: lag }: Health): HealthCheck {
  const part = words.checks.scheduler;
  const remedy = words.checks.letACronCallApi;
  if (lag === null) return { part, state: "failed", finding: words.checks.itHasNeverTicked, remedy };
  const finding = words.checks.itTickedAgo(formatDuration(lag * 1000));
  return { part, state: lag > downAfterSeconds ? "failed" : lag > lateAfterSeconds ? "warning" : "ok", finding, remedy: lag > lateAfterSeconds ? remedy : null };
}

function queue({ queue_depth: depth }: Health): HealthCheck {
  const part = words.checks.queue;
  if (depth === null) return { part, state: "warning", finding: words.checks.itCannotBeCountedNow, remedy: null };
  const counted = depth >= 10_000 ? words.checks.orMore(formatCount(depth)) : formatCount(depth);
  return { part, state: "ok", finding: depth === 0 ? words.checks.noRunWaits : words.checks.runsWait(depth, counted), remedy: null };
}

function fleet(executors: readonly Pick<Executor, "name" | "status" | "last_seen_at">[]): HealthCheck {
  const part = words.checks.executors;
  const online = executors.filter((each) => each.status === "online" && each.last_seen_at !== null);
  const lost = executors.filter((each) => each.status === "offline" && each.last_seen_at !== null).map((each) => each.name);
  const finding = lost.length === 0 ? words.checks.ofOnline(online.length, executors.length) : (lost.length > 5 ? words.checks.ofOnlineMoreLost : words.checks.ofOnlineSomeLost)(online.length, executors.length, formatList(lost.slice(0, 5)));
  if (online.length === 0) return { part, state: "failed", finding: executors.length === 0 ? words.checks.thereIsNone : finding, remedy: words.checks.startOneWithoutAnExecutor };
  return { part, state: lost.length === 0 ? "ok" : "warning", finding, remedy: lost.length === 0 ? null : words.checks.theirRunsGoToOthers };
}

/** The whole in one text, for a ticket: no secret, no address. */
export function diagnostics(health: Health, checks: readonly HealthCheck[], at: string): string {
  return JSON.stringify({ at, ...health, checks: Object.fromEntries(checks.map(({ part, state, finding }) => [part, { state, finding }])) }, null, 2);
}
