import type { Executor, Health } from "@/contracts/executor";
import { formatCount, formatDuration, formatList } from "@/lib/format";

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
  const part = "Database";
  if (state !== "ok") return { part, state: "failed", finding: "It does not answer.", remedy: "Look at Postgres and PostgREST; queued and running runs are safe, and executors repeat their calls." };
  return { part, state: "ok", finding: schema_version === null ? "It answers." : `It answers; schema ${schema_version}.`, remedy: null };
}

function storage({ storage: state }: Health): HealthCheck {
  const part = "Artifact store";
  return state === "ok" ? { part, state: "ok", finding: "It answers.", remedy: null } : { part, state: "failed", finding: "It does not answer.", remedy: "Check CONTROL_ROOM_STORAGE and its credentials; uploads and downloads fail until it is back." };
}

function scheduler({ scheduler_lag_seconds: lag }: Health): HealthCheck {
  const part = "Scheduler";
  const remedy = "Let a cron call /api/v1/internal/tick with the CRON_SECRET; schedules, retries and alerts wait for it.";
  if (lag === null) return { part, state: "failed", finding: "It has never ticked.", remedy };
  const finding = `It ticked ${formatDuration(lag * 1000)} ago.`;
  return { part, state: lag > downAfterSeconds ? "failed" : lag > lateAfterSeconds ? "warning" : "ok", finding, remedy: lag > lateAfterSeconds ? remedy : null };
}

function queue({ queue_depth: depth }: Health): HealthCheck {
  const part = "Queue";
  if (depth === null) return { part, state: "warning", finding: "It cannot be counted now.", remedy: null };
  const counted = depth >= 10_000 ? `${formatCount(depth)} or more` : formatCount(depth);
  return { part, state: "ok", finding: depth === 0 ? "No run waits." : `${counted} ${depth === 1 ? "run waits" : "runs wait"} in the whole installation.`, remedy: null };
}

function fleet(executors: readonly Pick<Executor, "name" | "status" | "last_seen_at">[]): HealthCheck {
  const part = "Executors";
  const online = executors.filter((each) => each.status === "online" && each.last_seen_at !== null);
  const lost = executors.filter((each) => each.status === "offline" && each.last_seen_at !== null).map((each) => each.name);
  const finding = `${online.length} of ${executors.length} online${lost.length === 0 ? "" : `; not heard of: ${formatList(lost.slice(0, 5))}${lost.length > 5 ? " and more" : ""}`}.`;
  if (online.length === 0) return { part, state: "failed", finding: executors.length === 0 ? "There is none." : finding, remedy: "Start one: without an executor nothing is executed." };
  return { part, state: lost.length === 0 ? "ok" : "warning", finding, remedy: lost.length === 0 ? null : "Their runs go to others when the leases end. Start them again, or delete those that are gone for good." };
}

/** The whole in one text, for a ticket: no secret, no address. */
export function diagnostics(health: Health, checks: readonly HealthCheck[], at: string): string {
  return JSON.stringify({ at, ...health, checks: Object.fromEntries(checks.map(({ part, state, finding }) => [part, { state, finding }])) }, null, 2);
}
