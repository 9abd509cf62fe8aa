import type { LogLine, LogQuery, LogStream } from "@/contracts/log.ts";

/** Lower case letter by letter, as `lower(… collate pg_c_utf8)` has it: no final sigma, no dot that stands alone. As long as the text. */
function folded(text: string): string {
  return text.replaceAll("İ", "i").replaceAll("Σ", "σ").toLowerCase();
}

/**
 * Where the lines of a block begin that fit the query's attempt, stream and search, in their order. A line is
 * `number time attempt stream text`. Builds no line: of a search over many, most are only counted.
 */
export function startsOf(block: string, { attempt, stream, search }: Pick<LogQuery, "attempt" | "stream" | "search">): number[] {
  const starts: number[] = [];
  const needle = search === undefined ? null : folded(search);
  const haystack = needle === null ? block : folded(block);
  for (let at = 0; at < block.length;) {
    const hit = needle === null ? at : haystack.indexOf(needle, at);
    if (hit === -1) break;
    const start = hit === at ? at : block.lastIndexOf("\n", hit) + 1;
    const end = block.indexOf("\n", hit);
    if ((needle === null || isInText(haystack, needle, hit, afterSpaces(block, start, 4), end)) && isOf(block, start, attempt, stream)) starts.push(start);
    at = end + 1;
  }
  return starts;
}

/** A hit may lie in what stands before the text, with another one in the text. */
function isInText(haystack: string, needle: string, hit: number, textStart: number, end: number): boolean {
  return hit >= textStart || haystack.slice(textStart, end).includes(needle);
}

function isOf(block: string, start: number, attempt: number | undefined, stream: LogStream | undefined): boolean {
  if (attempt === undefined && stream === undefined) return true;
  const [, , ofAttempt, ofStream] = block.slice(start, afterSpaces(block, start, 4) - 1).split(" ");
  return (attempt === undefined || Number(ofAttempt) === attempt) && (stream === undefined || ofStream === stream);
}

function afterSpaces(text: string, from: number, count: number): number {
  let at = from;
  for (let nth = 0; nth < count; nth += 1) at = text.indexOf(" ", at) + 1;
  return at;
}

export function lineAt(block: string, start: number, phase: string | null): LogLine {
  const textStart = afterSpaces(block, start, 4);
  const [number, created_at = "", attempt, stream] = block.slice(start, textStart - 1).split(" ");
  return { line: Number(number), phase, attempt: Number(attempt), stream: stream as LogStream, text: block.slice(textStart, block.indexOf("\n", textStart)), created_at };
}
