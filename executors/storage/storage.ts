import { fileURLToPath } from "node:url";
import type { Readable } from "node:stream";
import { CodedError } from "./coded-error.ts";
import { openFileStorage } from "./file-storage.ts";
import { openS3Storage } from "./s3-storage.ts";

/** Bytes to store: in memory, in a local file, or as a stream of chunks (which may throw to refuse the write). */
export type StorageBody = Uint8Array | string | { file: string } | AsyncIterable<Uint8Array>;

export interface StoredObject {
  /** Relative to the root, `/` between parts. */
  path: string;
  /** Bytes. */
  size: number;
  modified_at: Date;
}

/**
 * A place for immutable objects. Paths are relative, with `/`, and never leave the root. Every method throws
 * CodedError: `object_missing`, `storage_full`, `storage_path_invalid`, `storage_unavailable`.
 */
export interface Storage {
  /** `file:///…` or `s3://bucket/prefix`, without a trailing slash. */
  readonly url: string;
  /**
   * Whether putIfAbsent decides races. False where the store has no conditional writes: two calls at one moment may both
   * answer true and the later one stands, which only names made of their content can bear.
   */
  readonly exclusive: boolean;
  /**
   * Stores the body under the path when nothing is there. True when this call created it; false when the path was
   * taken (the body is consumed, what is stored is untouched). All or nothing: a reader never sees half an object,
   * and a body that throws leaves nothing behind. Durable when the promise resolves.
   */
  putIfAbsent(path: string, body: StorageBody): Promise<boolean>;
  /** Replaces what is there. Only for pointers that may be lost, such as `_last_checkpoint`. */
  putPointer(path: string, body: string): Promise<void>;
  /** A stream of the bytes `start`..`end` (both inclusive, from 0). */
  read(path: string, range?: { start?: number; end?: number }): Promise<Readable>;
  /** The whole object as text, or null when there is none. */
  readText(path: string): Promise<string | null>;
  stat(path: string): Promise<StoredObject | null>;
  /** Every object whose path starts with the folder, in no promised order. */
  list(folder: string): AsyncIterable<StoredObject>;
  /** Removes an object; silent when there is none. */
  remove(path: string): Promise<void>;
  /** A file of this machine with the object's bytes: the object itself, or a copy of it in `folder`. */
  localFile(path: string, folder: string): Promise<string>;
  /** What goes straight between its holder and the store; null where the storage has no such door: its bytes go through us. */
  readonly direct: DirectDoor | null;
}

export interface DirectDoor extends DirectUploads {
  /** A URL with which whoever has it may read the object until it expires; the answer has these headers. */
  readUrl(path: string, options: { expires_seconds: number; content_type: string; content_disposition: string }): Promise<string>;
}

/** Uploads that do not pass through us: begun here, sent by their sender to the store, and taken in under their hash here. */
export interface DirectUploads {
  /** Where to send the bytes that shall lie at `path`: in one request, which takes no others where the store checks them, or in parts. */
  begin(path: string, options: { sha256: string; byte_size: number; expires_seconds: number }): Promise<UploadPlace>;
  /**
   * Copies what was sent to `path` to where it belongs, once its hash is known to be that one; a repeat changes nothing. What lies at `path` stays until it is
   * removed. Throws `object_missing`, and `hash_mismatch` and `payload_too_large` after removing it.
   */
  finish(path: string, options: { to: string; sha256: string; max_bytes: number; upload_id: string | null; etags: string[] }): Promise<{ byte_size: number }>;
  /** Removes what was begun below the folder before that moment and not taken in. Answers how many it removed. */
  sweep(folder: string, before: Date): Promise<number>;
}

export interface UploadPlace {
  url: string;
  /** Sent with the bytes, and with each part. */
  headers: Record<string, string>;
  /** Pieces in their order; empty: all goes to `url`. */
  parts: { url: string; byte_size: number }[];
  upload_id: string | null;
}

/** Opens `file:/folder` or `file:///folder`, made when it is missing, or `s3://bucket/prefix` (docs/hosting.md). */
export async function openStorage(url: string): Promise<Storage> {
  if (url.startsWith("file:")) return openFileStorage(fileURLToPath(new URL(url)));
  if (url.startsWith("s3:")) return openS3Storage(url);
  throw new CodedError({
    code: "storage_url_unsupported",
    message: "This storage URL is not supported",
    place: url.replace(/\/\/[^/@]*@/, "//…@"),
    remedy: "Use file:/an/absolute/folder or s3://bucket/prefix.",
  });
}
