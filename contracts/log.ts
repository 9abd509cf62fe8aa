import { z } from "zod";
import { bigintText, page, sha256, text, timestamp, uuid, word } from "./common.ts";
import { logLevels, logStreams } from "./words.ts";

export const logStream = z.enum(logStreams);
export type LogStream = z.infer<typeof logStream>;
export const logLevel = z.enum(logLevels);
export type LogLevel = z.infer<typeof logLevel>;

/** Lines are numbered per run, 1..n without gaps; `created_at` is when the control room received it. */
export const logLine = z.object({
  line: z.int().min(1),
  phase: z.string().nullable(),
  attempt: z.int().min(1),
  stream: logStream,
  level: logLevel.nullable().describe("as its writer said, else what the line begins with says; null where neither does"),
  text: z.string(),
  created_at: timestamp,
}).meta({ id: "LogLine" });
export type LogLine = z.infer<typeof logLine>;

export const logChunkLimitBytes = 262_144;
export const newLogChunk = z.strictObject({
  chunk_id: uuid.describe("made by the sender; a repeat is written once"),
  phase: word.nullable().default(null),
  stream: logStream,
  level: logLevel.nullable().default(null).describe("of all its lines; null: each line says it itself"),
  text: text
    .refine((value) => new TextEncoder().encode(value).length <= logChunkLimitBytes, { error: "is larger than 262144 bytes; send more chunks" })
    .describe("whole lines joined by line feeds; a last line feed ends the last line"),
}).meta({ id: "NewLogChunk" });
export type NewLogChunk = z.input<typeof newLogChunk>;

export const appendLogsRequest = z.strictObject({ chunks: z.array(newLogChunk).min(1).max(100) }).meta({ id: "AppendLogsRequest" });
export const appendLogsResponse = z.object({ last_line: z.int(), dropped_lines: bigintText }).meta({ id: "AppendLogsResponse" });

/** Lines between `after` and `before`; `order` says from which end. A page also ends at 1 MB of text. */
const lineNumber = z.coerce.number().int().min(0).max(2_147_483_647);
export const listLogsQuery = z.object({
  after: lineNumber.default(0),
  before: lineNumber.default(2_147_483_647),
  order: z.enum(["asc", "desc"]).default("asc"),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  phase: word.optional(),
  attempt: z.coerce.number().int().min(1).max(1000).optional(),
  stream: logStream.optional(),
  level: logLevel.optional().describe("lines of this level and of worse ones"),
  search: text.min(1).max(200).refine((value) => !value.includes("\n"), { error: "is one line" }).optional().describe("plain text, whatever the case of its letters; or see regex"),
  regex: z.stringbool().optional().describe("true: search is a regular expression, of what RE2 and Postgres both know"),
  match_case: z.stringbool().optional().describe("true: capital letters are not small ones"),
});
export type ListLogsQuery = z.output<typeof listLogsQuery>;
/**
 * `count: false`: a search tells no number, and so need not read all lines. `pattern`: the search as a regular expression of Postgres,
 * over lines in lower case unless `match_case` (see line-pattern.ts).
 */
export const logQuery = z.object({
  ...listLogsQuery.omit({ regex: true, match_case: true }).shape,
  match_case: z.boolean().optional(),
  pattern: z.string().max(5_000).optional(),
  count: z.boolean().optional(),
});
export type LogQuery = ListLogsQuery & { count?: boolean | undefined };

export const logPage = page(logLine).extend({
  next_cursor: z.string().nullable().describe("the next `after`, or with order desc the next `before`"),
  total_lines: z.int().describe("of the whole run"),
  matching_lines: z.int().nullable().describe("with a search or a level: how many of all lines fit"),
  dropped_lines: bigintText.describe("came after the run's limit: counted, not kept"),
}).meta({ id: "LogPage" });
export type LogPage = z.infer<typeof logPage>;

/** The compacted log of a phase: lines of `line time attempt stream[:level] text`. `blocks`: first line and byte offset of each block. */
export const logFile = z.object({
  phase: z.string().nullable(),
  sha256,
  byte_size: bigintText,
  line_count: z.int(),
  blocks: z.array(z.tuple([z.int(), z.int()])),
});
export type LogFile = z.infer<typeof logFile>;
export const compactedLog = logFile.extend({ receipt: z.string() });

/** While a run's chunks are in the database, a page of their lines; once compacted, the files that hold them. */
export const storedLogs = z.object({ total_lines: z.int(), dropped_lines: bigintText }).and(
  z.union([
    z.object({ items: z.array(logLine), matching_lines: z.int().nullable(), more: z.boolean() }),
    z.object({ files: z.array(logFile).nullable() }),
  ]),
);
export const storedLogChunk = z.object({ first_line: z.int(), attempt: z.int(), stream: logStream, level: logLevel.nullable(), text: z.string(), created_at: timestamp });
export type StoredLogChunk = z.infer<typeof storedLogChunk>;

/** How far a run is: its last event, its last line, and whether it has ended. */
export const runHead = z.object({ last_seq: z.int(), last_line: z.int(), over: z.boolean() });
