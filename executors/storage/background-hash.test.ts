import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { backgroundHash, hashStream } from "./background-hash.ts";

const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
async function* pieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("streams of every length around a batch have the hash of their bytes, many at one time", async () => {
  const batch = 1 << 20;
  const lengths = [0, 1, batch - 1, batch, batch + 1, 4 * batch, 9 * batch + 7];
  await Promise.all(lengths.flatMap((length) => {
    const bytes = randomBytes(length);
    return [1000, 65_536, 3_000_001].map(async (size) => expect(await hashStream(pieces(bytes, size)), `${length} in pieces of ${size}`).toEqual({ sha256: sha(bytes), byte_size: length }));
  }));
});

test("a chunk belongs to its sender again once it was taken", async () => {
  const bytes = randomBytes(5 << 20);
  const hash = backgroundHash();
  const chunk = new Uint8Array(64 << 10);
  for (let at = 0; at < bytes.length; at += chunk.length) {
    chunk.set(bytes.subarray(at, at + chunk.length));
    await hash.update(chunk);
    chunk.fill(0);
  }
  expect(await hash.digest()).toBe(sha(bytes));
});

test("a stream that breaks off changes no other's hash, and its sender's error is told", async () => {
  const bytes = randomBytes(6 << 20);
  async function* broken(): AsyncIterable<Uint8Array> {
    yield bytes;
    throw new Error("the sender went away");
  }
  const results = await Promise.allSettled(Array.from({ length: 8 }, (_, nth) => hashStream(nth % 2 === 0 ? broken() : pieces(bytes, 100_000))));
  expect(results.map((result) => (result.status === "fulfilled" ? result.value.sha256 : (result.reason as Error).message))).toEqual(Array.from({ length: 8 }, (_, nth) => (nth % 2 === 0 ? "the sender went away" : sha(bytes))));
});
