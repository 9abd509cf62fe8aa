import { parseAsBoolean, parseAsInteger, parseAsString, parseAsStringLiteral } from "nuqs";
import { logStreams, type LogStream } from "@/contracts/log";

export const logStamps = ["off", "time", "since"] as const;
export type LogStamp = (typeof logStamps)[number];

/** The state of the log in the URL. `phase` is the same word as in the timeline: the row that is open there. */
export const logParsers = {
  find: parseAsString.withDefault(""),
  phase: parseAsString,
  attempt: parseAsInteger,
  stream: parseAsStringLiteral(logStreams),
  wrap: parseAsBoolean.withDefault(false),
  times: parseAsStringLiteral(logStamps).withDefault("time"),
};
export const noLogFilter = { find: null, phase: null, attempt: null, stream: null } as const;

export type LogFilter = { search: string; phase: string | null; attempt: number | null; stream: LogStream | null };

export function isLogFiltered({ search, phase, attempt, stream }: LogFilter): boolean {
  return search !== "" || phase !== null || attempt !== null || stream !== null;
}

/** The filter as a query of GET /runs/{run_id}/logs. */
export function logQueryOf({ search, phase, attempt, stream }: LogFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (search !== "") query.set("search", search);
  if (phase !== null) query.set("phase", phase);
  if (attempt !== null) query.set("attempt", String(attempt));
  if (stream !== null) query.set("stream", stream);
  return query;
}

export const streamWords: Record<LogStream, string> = { stdout: "Standard output", stderr: "Standard error", engine: "Executor and engine" };
