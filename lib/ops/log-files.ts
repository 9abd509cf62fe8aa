import type { LogFile, LogLine, LogQuery, StoredLogChunk } from "@/contracts/log.ts";
import { openBytes } from "./artifact-content.ts";
import { lineAt, lineScan } from "./log-scan.ts";

// A compacted log is text for people and `grep`: a line is `number time attempt stream text`, in the order of the numbers; the stream
// is `stream:level` where the writer gave a level.
// Reading follows the rules of ops_private.read_logs, and a property test holds both against one model.

const blockBytes = 1_000_000;
const pageBytes = 1_000_000;

/** The file's text of a chunk. */
export function chunkText({ first_line, created_at, attempt, stream, level, text }: StoredLogChunk): string {
  return text.split("\n").map((line, nth) => `${first_line + nth} ${created_at} ${attempt} ${level === null ? stream : `${stream}:${level}`} ${line}\n`).join("");
}

/** Notes where blocks of about 1 MB begin, while the file's chunks go by. */
export function blockIndex(): { add(firstLine: number, bytes: number): void; blocks: [number, number][] } {
  const blocks: [number, number][] = [];
  let offset = 0;
  return {
    blocks,
    add(firstLine, bytes) {
      if (blocks.length === 0 || offset - (blocks.at(-1)?.[1] ?? 0) >= blockBytes) blocks.push([firstLine, offset]);
      offset += bytes;
    },
  };
}

type Page = { items: LogLine[]; matching_lines: number | null; more: boolean };

/** A page of the lines of several phases' files. Holds one block of one file at a time. Throws `storage_unavailable`. */
export async function readLogFiles(files: LogFile[], query: LogQuery): Promise<Page> {
  const found: LogLine[] = [];
  let matching = 0;
  for (const file of files) {
    const read = await readLogFile(file, query);
    found.push(...read.items);
    matching += read.matching;
  }
  found.sort((a, b) => (query.order === "desc" ? b.line - a.line : a.line - b.line));
  let bytes = 0;
  const end = found.findIndex((line, nth) => {
    bytes += Buffer.byteLength(line.text);
    return nth === query.limit || (nth > 0 && bytes > pageBytes);
  });
  return { items: end === -1 ? found : found.slice(0, end), matching_lines: isCounting(query) ? matching : null, more: end !== -1 };
}

/** What one file gives to the page, and one line more where there is more; how many of all its lines fit. */
async function readLogFile(file: LogFile, query: LogQuery): Promise<{ items: LogLine[]; matching: number }> {
  const items: LogLine[] = [];
  let bytes = 0;
  let matching = 0;
  const counts = isCounting(query);
  const scan = lineScan(query);
  const isFull = (): boolean => items.length > query.limit || bytes > pageBytes;
  for (const block of blocksOf(file, query)) {
    if (!counts && isFull()) break;
    const text = await blockText(file, block);
    const starts = scan(text);
    if (counts) matching += starts.length;
    for (const start of query.order === "desc" ? starts.toReversed() : starts) {
      if (isFull()) break;
      const line = lineAt(text, start, file.phase);
      if (line.line <= query.after || line.line >= query.before) continue;
      items.push(line);
      bytes += Buffer.byteLength(line.text);
    }
  }
  return { items, matching };
}

function isCounting({ search, level, count }: LogQuery): boolean {
  return (search !== undefined || level !== undefined) && count !== false;
}

interface Block {
  start: number;
  end: number;
}
/** All blocks where matches are counted; else those that may hold lines between `after` and `before`. In reading order. */
function blocksOf(file: LogFile, query: LogQuery): Block[] {
  const { after, before, order } = query;
  const blocks = file.blocks.flatMap(([firstLine, start], nth): Block[] => {
    const [nextLine, nextStart] = file.blocks[nth + 1] ?? [Infinity, Number(file.byte_size)];
    return isCounting(query) || (firstLine < before && nextLine > after + 1) ? [{ start, end: nextStart - 1 }] : [];
  });
  return order === "desc" ? blocks.toReversed() : blocks;
}

async function blockText(file: LogFile, range: Block): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of await openBytes(file.sha256, range)) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
