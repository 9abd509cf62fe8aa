import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashStream } from "./background-hash.ts";
import { objectPath, putObject, readObject, statObject } from "./object-store.ts";
import { openStorage, type Storage } from "./storage.ts";

let root: string;
let storage: Storage;
const sha = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "objects-"));
  storage = await openStorage(pathToFileURL(root).href);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function fileCount(): Promise<number> {
  return (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
}

test("bytes are stored once under their hash and read back equal", async () => {
  const bytes = randomBytes(300_000);
  const first = await putObject(storage, Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]), { sha256: sha(bytes) });
  expect(first).toEqual({ path: objectPath(sha(bytes)), sha256: sha(bytes), byte_size: 300_000, created: true });
  const again = await putObject(storage, Readable.from([bytes]), { sha256: sha(bytes) });
  expect(again.created).toBe(false);
  expect(await buffer(await readObject(storage, sha(bytes)))).toEqual(bytes);
  expect(await hashStream(await readObject(storage, sha(bytes)))).toEqual({ sha256: sha(bytes), byte_size: 300_000 });
  expect((await statObject(storage, sha(bytes)))?.size).toBe(300_000);
  expect(await fileCount()).toBe(1);
});

test("bytes with another hash are refused and nothing is left", async () => {
  const wrong = putObject(storage, Readable.from([Buffer.from("other")]), { sha256: sha("one") });
  await expect(wrong).rejects.toMatchObject({ code: "hash_mismatch" });
  expect(await fileCount()).toBe(0);
});

test("wrong bytes for an object that exists are refused and the object stands", async () => {
  await putObject(storage, Readable.from([Buffer.from("one")]), { sha256: sha("one") });
  await expect(putObject(storage, Readable.from([Buffer.from("two")]), { sha256: sha("one") })).rejects.toMatchObject({ code: "hash_mismatch" });
  expect((await buffer(await readObject(storage, sha("one")))).toString()).toBe("one");
});

test("too many, too few and endless bytes are refused", async () => {
  const put = (body: AsyncIterable<Uint8Array>, size: { byte_size?: number; max_bytes?: number }) =>
    putObject(storage, body, { sha256: sha("abc"), ...size });
  await expect(put(Readable.from([Buffer.from("abc")]), { byte_size: 4 })).rejects.toMatchObject({ code: "hash_mismatch" });
  await expect(put(Readable.from([Buffer.from("abc")]), { byte_size: 2 })).rejects.toMatchObject({ code: "hash_mismatch" });
  let sent = 0;
  async function* endless(): AsyncIterable<Uint8Array> {
    for (;;) {
      sent += 1000;
      yield Buffer.alloc(1000);
    }
  }
  await expect(put(endless(), { max_bytes: 10_000 })).rejects.toMatchObject({ code: "payload_too_large" });
  expect(sent).toBeLessThanOrEqual(11_000);
  expect(await fileCount()).toBe(0);
});

test("a name that is no SHA-256 is refused before anything is written", async () => {
  await expect(putObject(storage, Readable.from([Buffer.from("x")]), { sha256: "../../etc" })).rejects.toMatchObject({ code: "invalid_input" });
  expect(() => objectPath(sha("x").toUpperCase())).toThrow();
});
