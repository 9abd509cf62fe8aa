import type { Redactor } from "./redactor.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
/** One JSON line of an executor's log; never a secret or row content. */
export type Log = (level: LogLevel, message: string, facts?: Record<string, unknown>) => void;

/** The line of a run's own log that stands for it: without the facts that the run's log has by itself. */
export function logLineOf(level: LogLevel, message: string, { phase: _phase, ...facts }: Record<string, unknown>): string {
  return `${level} ${message}${Object.keys(facts).length === 0 ? "" : ` ${JSON.stringify(facts)}`}`;
}

/** The same log without secrets. */
export function withoutSecrets(log: Log, redact: Pick<Redactor, "text" | "value">): Log {
  return (level, message, facts) => log(level, redact.text(message), redact.value(facts));
}

/** The same log with facts bound once. */
export function withFacts(log: Log, bound: Record<string, unknown>): Log {
  return (level, message, facts = {}) => log(level, message, { ...bound, ...facts });
}
