import { Readable } from "node:stream";
import type pg from "pg";

// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
const COPY_DATA = 0x64;
/** What may come between rows and is of no matter: the answer that a copy begins, notices, settings, notifications. */
const PASSED_OVER = new Set(["H", "N", "S", "A"].map((code) => code.charCodeAt(0)));
const HEADER_BYTES = 5;

export interface CopyFigures {
  rows: number;
  bytes: number;
  /** Bytes of the longest row, its end included. */
  longest_row: number;
}

/**
 * COPY … TO STDOUT as a stream of bytes. The server sends each row as a message of its own, so rows and their lengths are known without a
 * look at what stands in them; their headers are closed up where they lie, and nothing is copied. The figures are whole when the stream has ended.
 */
export function copyOut(client: pg.Client, sql: string, onRead?: (rows: number, bytes: number) => void): { stream: Readable; figures: CopyFigures } {
  const figures: CopyFigures = { rows: 0, bytes: 0, longest_row: 0 };
  const closeUp = messageReader(figures);
  let socket: pg.Connection["stream"] | null = null;
  let pgReads: (chunk: Buffer) => void = () => undefined;
  const stream = new Readable({ highWaterMark: 1 << 20, read: () => void socket?.resume() });
  const receive = (chunk: Buffer): void => {
    const before = figures.rows;
    const { bytes, rest } = closeUp(chunk);
    figures.bytes += bytes;
    if (bytes > 0) onRead?.(figures.rows - before, bytes);
    if (bytes > 0 && !stream.destroyed && !stream.push(chunk.subarray(0, bytes))) socket!.pause();
    if (rest === null) return;
    socket!.removeListener("data", receive).on("data", pgReads);
    pgReads(rest);
    socket!.resume();
  };
  client.query({
    submit(connection: pg.Connection) {
      socket = connection.stream;
      pgReads = socket.listeners("data")[0] as typeof pgReads;
      socket.removeListener("data", pgReads).on("data", receive);
      connection.query(sql);
    },
    handleError: (error: Error) => void stream.destroy(error),
    handleCommandComplete: () => void stream.push(null),
    handleReadyForQuery: () => undefined,
  });
  return { stream, figures };
}

/**
 * Moves the rows of a chunk to its front. Answers how many bytes they are, and what follows the last message that belongs to a copy: its end or an error,
 * which are for pg to read.
 */
function messageReader(figures: CopyFigures): (chunk: Buffer) => { bytes: number; rest: Buffer | null } {
  const header = Buffer.alloc(HEADER_BYTES);
  let known = 0;
  let left = 0;
  return (chunk) => {
    let bytes = 0;
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const end = Math.min(at + left, chunk.length);
        if (header[0] === COPY_DATA) {
          chunk.copyWithin(bytes, at, end);
          bytes += end - at;
        }
        left -= end - at;
        at = end;
        continue;
      }
      if (known === 0 && chunk[at] !== COPY_DATA && !PASSED_OVER.has(chunk[at]!)) return { bytes, rest: chunk.subarray(at) };
      header[known++] = chunk[at++]!;
      if (known < HEADER_BYTES) continue;
      known = 0;
      left = header.readUInt32BE(1) - 4;
      if (header[0] !== COPY_DATA) continue;
      figures.rows += 1;
      if (left > figures.longest_row) figures.longest_row = left;
    }
    return { bytes, rest: null };
  };
}
