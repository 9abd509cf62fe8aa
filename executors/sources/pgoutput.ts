/**
 * Decoder of PostgreSQL's `pgoutput` plugin, protocol version 1 (PostgreSQL 10 and later), values as text. Format:
 * PostgreSQL's documentation, "Logical Replication Message Formats".
 */

/** Values in the order of the relation's columns. Null is SQL's; undefined is a large value that did not change and was not sent. */
export type LoggedRow = (string | null | undefined)[];

export interface LoggedRelation {
  oid: number;
  columns: { name: string; type_oid: number; typmod: number; identity: boolean }[];
}

export type LoggedMessage =
  /** `lsn` is where the transaction's commit begins in the log. */
  | { kind: "begin"; lsn: number }
  /** `end` is where it ends. */
  | { kind: "commit"; end: number }
  | { kind: "relation"; relation: LoggedRelation }
  | { kind: "insert"; oid: number; row: LoggedRow }
  /** `old` holds the former key (the other columns are null) where that changed, or with REPLICA IDENTITY FULL the whole former row (`whole`). */
  | { kind: "update"; oid: number; old: LoggedRow | null; whole: boolean; row: LoggedRow }
  | { kind: "delete"; oid: number; old: LoggedRow }
  | { kind: "truncate"; oids: number[] }
  /** A type's name, an origin, a message of an application: nothing that lands. */
  | { kind: "other" };

/** Positions in the log are whole numbers below 2^53: that is nine petabytes of log. Throws RangeError for bytes that are no message. */
export function decodeMessage(bytes: Buffer): LoggedMessage {
  const reader = new Reader(bytes);
  const kind = reader.letter();
  switch (kind) {
    case "B": return { kind: "begin", lsn: reader.lsn() };
    case "C":
      reader.skip(1 + 8);
      return { kind: "commit", end: reader.lsn() };
    case "R": return { kind: "relation", relation: relationOf(reader) };
    case "I": {
      const oid = reader.uint32();
      reader.skip(1);
      return { kind: "insert", oid, row: reader.row() };
    }
    case "U": {
      const oid = reader.uint32();
      const marker = reader.letter();
      if (marker === "N") return { kind: "update", oid, old: null, whole: false, row: reader.row() };
      const old = reader.row();
      reader.skip(1);
      return { kind: "update", oid, old, whole: marker === "O", row: reader.row() };
    }
    case "D": {
      const oid = reader.uint32();
      reader.skip(1);
      return { kind: "delete", oid, old: reader.row() };
    }
    case "T": {
      const count = reader.uint32();
      reader.skip(1);
      return { kind: "truncate", oids: Array.from({ length: count }, () => reader.uint32()) };
    }
    case "Y": case "O": case "M": return { kind: "other" };
    default: throw new RangeError(`pgoutput has no message of type ${kind}`);
  }
}

function relationOf(reader: Reader): LoggedRelation {
  const oid = reader.uint32();
  reader.text();
  reader.text();
  reader.skip(1);
  const columns = Array.from({ length: reader.uint16() }, () => {
    const identity = (reader.uint8() & 1) === 1;
    return { name: reader.text(), type_oid: reader.uint32(), typmod: reader.int32(), identity };
  });
  return { oid, columns };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  skip(count: number): void {
    this.#at += count;
  }
  uint8(): number {
    return this.#bytes.readUInt8(this.#at++);
  }
  letter(): string {
    return String.fromCharCode(this.uint8());
  }
  uint16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }
  uint32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }
  int32(): number {
    return this.uint32() | 0;
  }
  lsn(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigUInt64BE(this.#at - 8));
  }
  /** Text that a zero byte ends. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new RangeError("a text without an end");
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }
  row(): LoggedRow {
    return Array.from({ length: this.uint16() }, () => this.#value());
  }
  #value(): string | null | undefined {
    const kind = this.letter();
    if (kind === "n") return null;
    if (kind === "u") return undefined;
    if (kind !== "t") throw new RangeError(`a value of kind ${kind}, which was not asked for`);
    const length = this.uint32();
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("a value is cut off");
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }
}

/** `16/B374D848` → a whole number. */
export function lsnOf(text: string): number {
  const [high, low] = text.split("/").map((part) => Number.parseInt(part, 16)) as [number, number];
  return high * 2 ** 32 + low;
}
/** The other way round, as PostgreSQL writes it. */
export function lsnText(lsn: number): string {
  return `${Math.floor(lsn / 2 ** 32).toString(16)}/${(lsn % 2 ** 32).toString(16)}`.toUpperCase();
}
