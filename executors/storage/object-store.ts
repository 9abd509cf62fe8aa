import type { Readable } from "node:stream";
import { backgroundHash } from "./background-hash.ts";
import { CodedError } from "./coded-error.ts";
import type { Storage, StoredObject, UploadPlace } from "./storage.ts";

const SHA256 = /^[0-9a-f]{64}$/;

/** `objects/ab/cd/<sha256>`: the one name of these bytes. Throws `invalid_input`. */
export function objectPath(sha256: string): string {
  if (!SHA256.test(sha256)) {
    throw new CodedError({
      code: "invalid_input",
      message: "A SHA-256 is 64 lower-case hexadecimal digits",
      place: JSON.stringify(sha256.slice(0, 80)),
      remedy: "Hash the bytes with SHA-256 and send the digest in hexadecimal.",
    });
  }
  return `objects/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
}

/**
 * Stores a stream under its hash. Memory is constant, hashing is the only pass and runs on a thread beside. Bytes with another hash
 * (`hash_mismatch`), too many (`payload_too_large`) or, where `byte_size` is given, another count
 * (`hash_mismatch`) are refused and leave nothing behind; a stream that ends early leaves nothing either.
 * Storing what is there already verifies the bytes again and answers `created: false`.
 */
export async function putObject(
  storage: Storage,
  body: AsyncIterable<Uint8Array>,
  expected: { sha256: string; byte_size?: number; max_bytes?: number; signal?: AbortSignal },
): Promise<{ path: string; sha256: string; byte_size: number; created: boolean }> {
  const path = objectPath(expected.sha256);
  const counter = { bytes: 0 };
  const created = await storage.putIfAbsent(path, verified(body, expected, counter));
  return { path, sha256: expected.sha256, byte_size: counter.bytes, created };
}

const UPLOADS = "uploads";
/** A URL that ends before this gets bytes that are swept; what is copied into place is no longer needed there. */
const UPLOADS_KEPT_MS = 48 * 3600 * 1000;
const SHORTEST_UPLOAD_SECONDS = 3600;
const LONGEST_UPLOAD_SECONDS = 24 * 3600;

/** A path of the owner's own: whoever knows a hash alone has no bytes there. */
function uploadPath(owner: string, sha256: string): string {
  objectPath(sha256);
  return `${UPLOADS}/${owner}/${sha256}`;
}

/** Where the owner may send an object's bytes past us, for an hour and a second for each 256 kB, a day at most; null where the storage has no such door. */
export async function beginUpload(storage: Storage, { owner, sha256, byte_size }: { owner: string; sha256: string; byte_size: number }): Promise<UploadPlace | null> {
  if (storage.direct === null) return null;
  const expires_seconds = Math.min(LONGEST_UPLOAD_SECONDS, SHORTEST_UPLOAD_SECONDS + Math.ceil(byte_size / (256 << 10)));
  return storage.direct.begin(uploadPath(owner, sha256), { sha256, byte_size, expires_seconds });
}

/**
 * Stores what the owner sent under its hash, once that is known to be its hash. What was sent stays until `clearUpload`, so that this can be repeated. Throws
 * `object_missing`, `hash_mismatch`, `payload_too_large`.
 */
export async function takeUpload(storage: Storage, { owner, sha256, ...sent }: { owner: string; sha256: string; max_bytes: number; upload_id: string | null; etags: string[] }): Promise<{ byte_size: number }> {
  const path = uploadPath(owner, sha256);
  if (storage.direct === null) {
    throw new CodedError({ code: "object_missing", message: "This store takes no upload that does not pass through the control room", place: path, remedy: "Send the bytes where the upload URL says." });
  }
  return storage.direct.finish(path, { to: objectPath(sha256), sha256, ...sent });
}

export function clearUpload(storage: Storage, { owner, sha256 }: { owner: string; sha256: string }): Promise<void> {
  return storage.remove(uploadPath(owner, sha256));
}

/** Removes uploads that nobody finished. Answers how many. */
export async function sweepUploads(storage: Storage): Promise<number> {
  return storage.direct === null ? 0 : storage.direct.sweep(UPLOADS, new Date(Date.now() - UPLOADS_KEPT_MS));
}

/** The object's size, or null when it is not stored. */
export function statObject(storage: Storage, sha256: string): Promise<StoredObject | null> {
  return storage.stat(objectPath(sha256));
}

/** Removes the object; silent when there is none. */
export function removeObject(storage: Storage, sha256: string): Promise<void> {
  return storage.remove(objectPath(sha256));
}

/** A stream of the object, or of the bytes `start`..`end` (inclusive). Throws `object_missing`. */
export function readObject(
  storage: Storage,
  sha256: string,
  range?: { start?: number; end?: number },
): Promise<Readable> {
  return storage.read(objectPath(sha256), range);
}

async function* verified(
  body: AsyncIterable<Uint8Array>,
  expected: { sha256: string; byte_size?: number; max_bytes?: number; signal?: AbortSignal },
  counter: { bytes: number },
): AsyncIterable<Uint8Array> {
  const hash = backgroundHash();
  const limit = Math.min(expected.max_bytes ?? Infinity, expected.byte_size ?? Infinity);
  try {
    for await (const chunk of body) {
      expected.signal?.throwIfAborted();
      counter.bytes += chunk.byteLength;
      if (counter.bytes > limit) throw sizeRefused(expected, counter.bytes);
      await hash.update(chunk);
      yield chunk;
    }
    if (expected.byte_size !== undefined && counter.bytes !== expected.byte_size) throw sizeRefused(expected, counter.bytes);
    const actual = await hash.digest();
    if (actual !== expected.sha256) throw hashRefused(expected.sha256, actual);
  } finally {
    hash.close();
  }
}

function hashRefused(expected: string, actual: string): CodedError {
  return new CodedError({
    code: "hash_mismatch",
    message: `The bytes hash to ${actual}, not to ${expected}`,
    place: objectPath(expected),
    remedy: "Send the bytes again, or the hash that belongs to them; nothing was stored.",
  });
}

function sizeRefused(expected: { sha256: string; byte_size?: number; max_bytes?: number }, seen: number): CodedError {
  const tooLarge = seen > (expected.max_bytes ?? Infinity);
  return new CodedError({
    code: tooLarge ? "payload_too_large" : "hash_mismatch",
    message: tooLarge
      ? `The object is larger than the ${expected.max_bytes} bytes allowed`
      : `The object has ${seen > (expected.byte_size ?? 0) ? "more than" : "only"} ${
          seen > (expected.byte_size ?? 0) ? expected.byte_size : seen
        } of ${expected.byte_size} announced bytes`,
    place: objectPath(expected.sha256),
    remedy: tooLarge ? "Store a smaller object, or raise the limit." : "Send all bytes and their true size.",
  });
}
