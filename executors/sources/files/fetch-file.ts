import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { CsvDialect } from "../../../contracts/pipeline-files.ts";
import { backoffMs, sleep } from "../../core/backoff.ts";
import { CodedError, errorCode } from "../../storage/coded-error.ts";
import { storageFault } from "../../storage/file-storage.ts";
import type { OfferedFile } from "./offered-file.ts";

/** A file of a source as it lies here: unpacked, and text as UTF-8 without a byte order mark. */
export interface FetchedFile {
  name: string;
  /** Absolute path on this machine. */
  file: string;
  /** What tells its content apart: the source's own word, else the SHA-256 of its bytes. */
  identity: string;
  /** Of the bytes as the source had them. */
  sha256: string;
  bytes: number;
}

export interface FetchOptions {
  /** Absolute path to write. */
  to: string;
  encoding: CsvDialect["encoding"] | "bytes";
  signal: AbortSignal;
  /** Told of bytes as they come. */
  onRead: (bytes: number) => void;
  tries?: number;
}
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const backoff = { base_ms: 500, cap_ms: 20_000 };

/** Copies a file here in constant memory; begins anew where the line breaks. Throws CodedErrors `source_…`, `storage_full`. */
export async function fetchFile(offered: OfferedFile, options: FetchOptions): Promise<FetchedFile> {
  const { to, signal, tries = 4 } = options;
  for (let tried = 1; ; tried += 1) {
    const hash = createHash("sha256");
    let bytes = 0;
    const body = await offered.open();
    try {
      await pipeline(
        body,
        async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            hash.update(chunk);
            bytes += chunk.byteLength;
            options.onRead(chunk.byteLength);
            yield chunk;
          }
        },
        unpacked,
        (chunks: AsyncIterable<Buffer>) => decoded(chunks, options.encoding, offered.name),
        createWriteStream(to),
        { signal },
      );
      const sha256 = hash.digest("hex");
      return { name: offered.name, file: to, identity: offered.identity ?? `sha256 ${sha256}`, sha256, bytes };
    } catch (error) {
      signal.throwIfAborted();
      if (errorCode(error)?.startsWith("Z_")) throw new CodedError({ code: "source_rows_invalid", message: `The file cannot be unpacked (${errorCode(error)})`, place: offered.name, remedy: "Compress it again with gzip." });
      const fault = storageFault(error, offered.name);
      if (fault instanceof CodedError) throw fault;
      if (tried >= tries) throw new CodedError({ code: "source_unreachable", message: `The source stopped sending (${errorCode(error) ?? "no more bytes"})`, place: offered.name, remedy: "The same attempt may work again.", retryable: true, cause: error });
      await sleep(backoffMs(tried, backoff), signal);
    } finally {
      body.destroy();
    }
  }
}

/** Files that begin as gzip does are unpacked, whatever they are named; no format that lands begins so. */
async function* unpacked(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  let rest = chunks[Symbol.asyncIterator]();
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    head = Buffer.concat([head, next.value]);
    if (head.byteLength >= 2) break;
  }
  const whole = (async function* () {
    if (head.byteLength > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  })();
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* whole;
  const gunzip = createGunzip();
  const packed = pipeline(whole, gunzip);
  // Awaited below; the reader of the stream hears of a failure first.
  packed.catch(() => undefined);
  yield* gunzip as AsyncIterable<Buffer>;
  await packed;
}

async function* decoded(chunks: AsyncIterable<Buffer>, encoding: FetchOptions["encoding"], name: string): AsyncGenerator<Uint8Array> {
  if (encoding === "bytes") return yield* chunks;
  if (encoding === "utf-8") return yield* validUtf8(chunks, name);
  // Fatal: a character that is none would land as another one.
  const decoder = new TextDecoder(encoding, { fatal: true });
  const text = (chunk?: Buffer): Uint8Array => {
    try {
      return Buffer.from(chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true }));
    } catch {
      throw notEncoded(encoding, name);
    }
  };
  for await (const chunk of chunks) yield text(chunk);
  yield text();
}

/** The bytes as they are, but for a byte order mark. */
async function* validUtf8(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Uint8Array> {
  let begun = false;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.subarray(0, bytes.byteLength - unfinished(bytes));
    if (!isUtf8(whole)) throw notEncoded("utf-8", name);
    rest = bytes.subarray(whole.byteLength);
    if (whole.byteLength === 0) continue;
    yield !begun && whole.subarray(0, 3).equals(BYTE_ORDER_MARK) ? whole.subarray(3) : whole;
    begun = true;
  }
  if (rest.byteLength > 0) throw notEncoded("utf-8", name);
}

/** Bytes at the end that begin a character of more bytes than are there. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.byteLength); back += 1) {
    const byte = bytes[bytes.byteLength - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

function notEncoded(encoding: string, name: string): CodedError {
  return new CodedError({ code: "source_rows_invalid", message: `The file is not ${encoding}`, place: name, remedy: "Give its encoding as csv.encoding (utf-8, windows-1252, utf-16le), or write it as UTF-8." });
}
