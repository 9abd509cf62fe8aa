import type { LogLevel } from "./log.ts";
import { logLevels } from "./words.ts";

// The same in SQL as ops_private.log_level; a property test holds both. Only the beginning of a line is looked at, so that a word in a
// message is no level, and every expression stops at a letter that no word goes on over, so that both engines find the same.

/** In characters. */
const headLength = 120;
const words = "trace|debug|info|notice|warn|warning|err|error|severe|critical|fatal|panic";
/** `"level":"warn"`, `level=warn`. */
const named = new RegExp(`(?:level|severity|lvl)"?[=:] ?"?(${words})(?:[^A-Za-z0-9_]|$)`);
/** `error: …`, `10:00:00 [warn] …`, `Warning: …`. */
const leading = new RegExp(`^[^A-Za-z]*(${words}|Error|Warning|Fatal)(?:[ :|]|\\]|$)`);
/** `2026-11-28T10:00:00Z main ERROR …`. */
const upper = new RegExp(`(?:^|[^A-Za-z0-9_])(${words.toUpperCase()})(?:[^A-Za-z0-9_]|$)`);
/** `ValueError: …`, `java.lang.IllegalStateException: …`. */
const thrown = /^(?:Traceback \(most|[A-Za-z_.]*(?:Error|Exception):)/;
// eslint-disable-next-line no-control-regex -- the colours of a terminal
const colours = /\u001b\[[0-9;]*m/g;

/** What a line says of its weight by itself, null where it says nothing. */
export function logLevelOf(text: string): LogLevel | null {
  const plain = text.includes("\u001b") ? text.replace(colours, "") : text;
  const head = plain.length <= headLength ? plain : Array.from(plain.slice(0, headLength * 2)).slice(0, headLength).join("");
  const word = (named.exec(head) ?? leading.exec(head) ?? upper.exec(head))?.[1]?.toLowerCase();
  if (word === undefined) return thrown.test(head) ? "error" : null;
  if (word === "trace" || word === "debug") return "debug";
  if (word === "info" || word === "notice") return "info";
  return word.startsWith("warn") ? "warn" : "error";
}

/** The levels that a search for one means: it and what is worse. */
export function levelsFrom(least: LogLevel): readonly LogLevel[] {
  return logLevels.slice(logLevels.indexOf(least));
}
