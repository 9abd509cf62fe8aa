import { createReadStream, createWriteStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CodedError } from "../../storage/coded-error.ts";
import { storageFault } from "../../storage/file-storage.ts";
import type { FetchedFile } from "./fetch-file.ts";
import { recordsOf } from "./fetch-pages.ts";
import { membersOf, recordSplitter, type JsonRecord } from "./json-records.ts";

/** A document in which rows stand at a place of their own is read whole. */
const MOST_OF_DOCUMENT = 64 << 20;

/** The rows of a JSON or NDJSON file, one after another. */
async function* recordsIn({ file, name }: FetchedFile, records: string | undefined): AsyncGenerator<JsonRecord> {
  if (records !== undefined) {
    if ((await stat(file)).size > MOST_OF_DOCUMENT) throw new CodedError({ code: "source_rows_invalid", message: `The file has more than ${MOST_OF_DOCUMENT >> 20} MiB`, place: name, remedy: "Write its rows as NDJSON, or as a list that is the whole file: those are read piece by piece." });
    return yield* recordsOf(await readFile(file, "utf8"), records, name);
  }
  const splitter = recordSplitter(name);
  for await (const chunk of createReadStream(file, { encoding: "utf8", highWaterMark: 1 << 20 })) yield* splitter.push(chunk as string);
  splitter.end();
}

/** What the values of a member are, over all records. */
const kinds = { boolean: 1, integer: 2, decimal: 4, number: 8, text: 16 } as const;

function kindOf(raw: string): number {
  switch (raw[0]) {
    case "n": return 0;
    case "t": case "f": return kinds.boolean;
    case '"': case "{": case "[": return kinds.text;
    default: return /^-?\d{1,18}$/.test(raw) ? kinds.integer : /^-?\d{1,29}(\.\d{1,9})?$/.test(raw) ? kinds.decimal : kinds.number;
  }
}

/** The members of all records with types that hold every value exactly, where there is one; in the order of their first record. */
export async function inferJson(files: FetchedFile[], records: string | undefined, signal: AbortSignal): Promise<{ name: string; type: string }[]> {
  const found = new Map<string, number>();
  for (const file of files) {
    for await (const record of recordsIn(file, records)) {
      signal.throwIfAborted();
      for (const [name, raw] of membersOf(record, file.name)) found.set(name, (found.get(name) ?? 0) | kindOf(raw));
    }
  }
  return [...found].map(([name, seen]) => ({ name, type: typeOf(seen) }));
}

function typeOf(seen: number): string {
  if (seen === kinds.boolean) return "BOOLEAN";
  if (seen === 0 || (seen & (kinds.text | kinds.boolean)) !== 0) return "VARCHAR";
  if (seen === kinds.integer) return "BIGINT";
  return (seen & kinds.number) === 0 ? "DECIMAL(38,9)" : "DOUBLE";
}

/**
 * Writes the rows as CSV without a header: their number, then their members in the order of `names`. Numbers keep every digit they
 * were written with, objects and lists land as their text. Answers the bytes of the longest row.
 */
export async function recordsToCsv(file: FetchedFile, records: string | undefined, names: string[], to: string, signal: AbortSignal): Promise<number> {
  let row = 0;
  let longest = 0;
  async function* lines(): AsyncGenerator<string> {
    let ready = "";
    for await (const record of recordsIn(file, records)) {
      row += 1;
      const members = membersOf(record, file.name);
      const line = `${row},${names.map((name) => csvValue(members.get(name))).join(",")}\n`;
      longest = Math.max(longest, Buffer.byteLength(line));
      ready += line;
      if (ready.length < 1 << 16) continue;
      yield ready;
      ready = "";
    }
    yield ready;
  }
  try {
    await pipeline(Readable.from(lines(), { objectMode: true }), createWriteStream(to), { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw storageFault(error, file.name);
  }
  return longest;
}

function csvValue(raw: string | undefined): string {
  if (raw === undefined || raw === "null") return "\\N";
  const value = raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
  return `"${value.replaceAll('"', '""')}"`;
}
