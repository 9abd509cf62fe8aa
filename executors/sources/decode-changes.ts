import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { CodedError } from "../storage/coded-error.ts";
import type { ChangeFile } from "./change-file.ts";
import { type LoggedMessage, decodeMessage, lsnText } from "./pgoutput.ts";
import { slotError } from "./replication-slot.ts";

/** A table that is followed in the log, from a position on. */
export interface Followed {
  name: string;
  since: number;
  changes: ChangeFile;
}

export interface DecodeRequest {
  client: pg.Client;
  slot: string;
  publication: string;
  /** Transactions that commit at or after it are left for the next time. */
  stop: number;
  /** By the table's oid. */
  followed: Map<number, Followed>;
  place: string;
  signal: AbortSignal;
  onRead?: ((rows: number, bytes: number) => void) | undefined;
}

/**
 * Writes the changes of tables up to a position into their files. The slot is only looked at: a second look has the same.
 * Answers the end of the last transaction (0: none), and the tables whose changes cannot be told by the log alone.
 */
export async function decodeChanges(request: DecodeRequest): Promise<{ end: number; undecided: string[] }> {
  const { client, stop, followed, place, signal } = request;
  const undecided = new Set<string>();
  let lsn = 0;
  let end = 0;

  function take(message: LoggedMessage): void {
    if (message.kind === "begin") lsn = message.lsn;
    else if (message.kind === "commit" && lsn < stop) end = message.end;
    else if (message.kind === "relation") followed.get(message.relation.oid)?.changes.relate(message.relation);
    else if (message.kind === "truncate") message.oids.forEach((oid) => ofTable(oid, () => false));
    else if (message.kind === "insert" || message.kind === "update" || message.kind === "delete") ofTable(message.oid, (table) => table.changes.add(message));
  }
  function ofTable(oid: number, add: (table: Followed) => boolean): void {
    const table = followed.get(oid);
    if (table === undefined || undecided.has(table.name) || lsn < table.since || lsn >= stop) return;
    if (!add(table)) undecided.add(table.name);
  }

  try {
    // COPY streams what a plain query would gather in memory first.
    const rows = client.query(copyTo(`copy (select data from pg_catalog.pg_logical_slot_peek_binary_changes(${text(request.slot)}, ${text(lsnText(stop))}, null, 'proto_version', '1', 'publication_names', ${text(`"${request.publication}"`)})) to stdout`));
    for await (const lines of linesOf(rows)) {
      signal.throwIfAborted();
      let bytes = 0;
      for (const line of lines) {
        // `\\x` and hexadecimal digits.
        const message = Buffer.from(line.toString("latin1", 3), "hex");
        bytes += message.length;
        take(decodeMessage(message));
      }
      request.onRead?.(0, bytes);
      for (const { changes } of followed.values()) await changes.flush();
    }
    for (const { changes } of followed.values()) await changes.flush(true);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RangeError) throw new CodedError({ code: "source_failed", message: `The log cannot be understood: ${error.message}`, place, remedy: "Report this, with the version of the source." });
    throw slotError(error, request.slot, place);
  }
  return { end, undecided: [...undecided] };
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Whole lines of a stream, those of one chunk together. */
async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let pieces: Buffer[] = [];
  for await (const chunk of stream) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      lines.push(Buffer.concat([...pieces, chunk.subarray(from, at)]));
      pieces = [];
      from = at + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
    if (lines.length > 0) yield lines;
  }
}
