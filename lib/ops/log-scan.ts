import { levelsFrom, logLevelOf } from "@/contracts/log-level.ts";
import { foldedCase, linePattern } from "@/contracts/line-pattern.ts";
import type { LogLevel, LogLine, LogQuery, LogStream } from "@/contracts/log.ts";

/**
 * Where the lines of a block begin that fit the query's attempt, stream, level and search, in their order. A line is
 * `number time attempt stream[:level] text`. Builds no line: of a search over many, most are only counted. Throws `PatternError`.
 */
export function lineScan({ attempt, stream, level, search, regex, match_case }: Pick<LogQuery, "attempt" | "stream" | "level" | "search" | "regex" | "match_case">): (block: string) => number[] {
  const folding = search !== undefined && match_case !== true && regex !== true;
  const needle = search === undefined || regex === true ? null : folding ? foldedCase(search) : search;
  const pattern = search !== undefined && regex === true ? linePattern(search, match_case === true) : null;
  const levels = level === undefined ? null : levelsFrom(level);
  const isOf = (block: string, start: number, textStart: number, end: number): boolean => {
    if (attempt === undefined && stream === undefined && levels === null) return true;
    const [, , ofAttempt, kind = ""] = block.slice(start, textStart - 1).split(" ");
    const [ofStream, ofLevel] = kind.split(":");
    if ((attempt !== undefined && Number(ofAttempt) !== attempt) || (stream !== undefined && ofStream !== stream)) return false;
    const own = levels === null ? null : ((ofLevel as LogLevel | undefined) ?? logLevelOf(block.slice(textStart, end)));
    return levels === null || (own !== null && levels.includes(own));
  };
  return (block) => {
    const starts: number[] = [];
    const haystack = folding ? foldedCase(block) : block;
    for (let at = 0; at < block.length;) {
      const hit = needle === null ? at : haystack.indexOf(needle, at);
      if (hit === -1) break;
      const start = hit === at ? at : block.lastIndexOf("\n", hit) + 1;
      const textStart = afterSpaces(block, start, 4);
      const end = block.indexOf("\n", hit);
      const fits = (needle === null || isInText(haystack, needle, hit, textStart, end)) && (pattern === null || pattern.test(block.slice(textStart, end)));
      if (fits && isOf(block, start, textStart, end)) starts.push(start);
      at = end + 1;
    }
    return starts;
  };
}

/** A hit may lie in what stands before the text, with another one in the text. */
function isInText(haystack: string, needle: string, hit: number, textStart: number, end: number): boolean {
  return hit >= textStart || haystack.slice(textStart, end).includes(needle);
}

function afterSpaces(text: string, from: number, count: number): number {
  let at = from;
  for (let nth = 0; nth < count; nth += 1) at = text.indexOf(" ", at) + 1;
  return at;
}

export function lineAt(block: string, start: number, phase: string | null): LogLine {
  const textStart = afterSpaces(block, start, 4);
  const [number, created_at = "", attempt, kind = ""] = block.slice(start, textStart - 1).split(" ");
  const [stream, level] = kind.split(":");
  const text = block.slice(textStart, block.indexOf("\n", textStart));
  return { line: Number(number), phase, attempt: Number(attempt), stream: stream as LogStream, level: (level as LogLevel | undefined) ?? logLevelOf(text), text, created_at };
}
