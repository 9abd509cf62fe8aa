import { parseAsBoolean, parseAsInteger, parseAsString, parseAsStringLiteral } from "nuqs";
import { foldedCase, linePattern } from "@/contracts/line-pattern";
import type { LogLevel, LogStream } from "@/contracts/log";
import { logLevels, logStreams } from "@/contracts/words";
import { words } from "@/lib/messages/run-log";

export const logStamps = ["off", "time", "since"] as const;
export type LogStamp = (typeof logStamps)[number];

/** The state of the log in the URL. `phase` is the same word as in the timeline: the row that is open there. */
export const logParsers = {
  find: parseAsString.withDefault(""),
  phase: parseAsString,
  attempt: parseAsInteger,
  stream: parseAsStringLiteral(logStreams),
  level: parseAsStringLiteral(logLevels),
  regex: parseAsBoolean.withDefault(false),
  case: parseAsBoolean.withDefault(false),
  wrap: parseAsBoolean.withDefault(false),
  times: parseAsStringLiteral(logStamps).withDefault("time"),
};
export const noLogFilter = { find: null, phase: null, attempt: null, stream: null, level: null } as const;

export type LogFilter = { search: string; phase: string | null; attempt: number | null; stream: LogStream | null; level: LogLevel | null; regex: boolean; matchCase: boolean };

export function isLogFiltered({ search, phase, attempt, stream, level }: LogFilter): boolean {
  return search !== "" || phase !== null || attempt !== null || stream !== null || level !== null;
}

/** The filter as a query of GET /runs/{run_id}/logs. */
export function logQueryOf({ search, phase, attempt, stream, level, regex, matchCase }: LogFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (search !== "") query.set("search", search);
  if (search !== "" && regex) query.set("regex", "true");
  if (search !== "" && matchCase) query.set("match_case", "true");
  if (level !== null) query.set("level", level);
  if (phase !== null) query.set("phase", phase);
  if (attempt !== null) query.set("attempt", String(attempt));
  if (stream !== null) query.set("stream", stream);
  return query;
}

/** A level stands for itself and what is worse. */
export const levelWords: Record<LogLevel, string> = words.logState.level;

export type Stretch = [from: number, to: number];
/** Of a line: where a regular expression fits is looked for in so many characters. */
const markedCharacters = 500;

/** Where what was searched for stands in a line; null where nothing is to be marked, or the pattern cannot be read. */
export function finderOf({ search, regex, matchCase }: Pick<LogFilter, "search" | "regex" | "matchCase">): ((text: string) => Stretch[]) | null {
  if (search === "") return null;
  if (!regex) return (text) => stretchesOf(matchCase ? text : foldedCase(text), matchCase ? search : foldedCase(search));
  try {
    const pattern = linePattern(search, matchCase);
    return (text) => pattern.find(text.slice(0, markedCharacters));
  } catch {
    // The search itself says what is wrong with it.
    return null;
  }
}

function stretchesOf(haystack: string, wanted: string): Stretch[] {
  const found: Stretch[] = [];
  for (let at = haystack.indexOf(wanted); at !== -1; at = haystack.indexOf(wanted, at + wanted.length)) found.push([at, at + wanted.length]);
  return found;
}

export const streamWords: Record<LogStream, string> = words.logState.stream;
