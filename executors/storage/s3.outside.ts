/**
 * Storage on a real S3 server (versitygw): the same cases as `file:`, again over a line that loses answers, refuses
 * requests and breaks off; uploads straight to the store; what a wrong key and a missing bucket say.
 *
 * Run: `npx tsx executors/storage/s3.outside.ts`. Needs Go once, to build the server. Exits 1 at the first difference.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { hashStream } from "./background-hash.ts";
import { beginUpload, clearUpload, objectPath, readObject, takeUpload } from "./object-store.ts";
import { s3Client } from "./s3-client.ts";
import { copyObject } from "./s3-copy.ts";
import { s3Settings } from "./s3-settings.ts";
import { openS3Storage } from "./s3-storage.ts";
import { startS3Server } from "./testing/s3-server.ts";
import { paths, storageCases } from "./testing/storage-suite.ts";
import { type Fate, startUnsteadyProxy } from "./testing/unsteady-proxy.ts";

const server = await startS3Server();
const open = (endpoint = server.endpoint, key: Record<string, string> = {}) => openS3Storage(`s3://lake/${randomUUID()}/p q`, { ...server.env, AWS_ENDPOINT_URL_S3: endpoint, ...key });

async function steady(): Promise<void> {
  for (const [name, run] of Object.entries(storageCases)) {
    const storage = await open();
    assert.equal(storage.exclusive, true);
    await run(storage);
    console.log(`  ✓ ${name}`);
  }
}

/** Every third request meets a fate in turn: whatever was done must still be told as done, and once. */
async function unsteady(): Promise<void> {
  const fates: Fate[] = ["lose", "refuse", "cut", "lose"];
  const line = await startUnsteadyProxy(server.endpoint, (_, count) => (count % 3 === 2 ? fates[Math.floor(count / 3) % fates.length]! : "pass"));
  try {
    for (const [name, run] of Object.entries(storageCases)) {
      if (name.startsWith("a listing")) continue;
      await run(await open(line.endpoint));
      console.log(`  ✓ over an unsteady line: ${name}`);
    }
  } finally {
    await line.stop();
  }
}

async function lostAnswers(): Promise<void> {
  let lose: (method: string, url: string) => boolean = () => false;
  const line = await startUnsteadyProxy(server.endpoint, ({ method, url }) => (lose(method ?? "", url ?? "") ? "lose" : "pass"));
  try {
    const storage = await open(line.endpoint);
    const once = (method: string, part: string) => {
      let left = 1;
      lose = (sent, url) => sent === method && url.includes(part) && left-- > 0;
    };
    once("PUT", "small");
    assert.equal(await storage.putIfAbsent("small", "mine"), true, "a write whose answer was lost is this writer's own");
    once("PUT", "small");
    assert.equal(await storage.putIfAbsent("small", "other"), false, "and is not taken for another's");
    once("POST", "uploadId");
    assert.equal(await storage.putIfAbsent("large", parts(20)), true, "an upload whose end was not heard is this writer's own");
    once("POST", "uploadId");
    assert.equal(await storage.putIfAbsent("large", parts(20)), false);
  } finally {
    await line.stop();
  }
  console.log("  ✓ a write whose answer was lost is told apart from a lost race");
}

async function* parts(count: number): AsyncIterable<Uint8Array> {
  for (let n = 0; n < count; n += 1) yield randomBytes(1_000_000);
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const put = (url: string, body: Uint8Array, headers: Record<string, string> = {}) => fetch(url, { method: "PUT", body: body as NonNullable<RequestInit["body"]>, headers });
const most = { max_bytes: 1e9, upload_id: null, etags: [] };

async function uploads(): Promise<void> {
  const storage = await open();
  const bytes = randomBytes(100_000);
  const object = { owner: randomUUID(), sha256: sha256Of(bytes) };
  const { url, headers } = (await beginUpload(storage, { ...object, byte_size: bytes.length }))!;
  assert.ok((await put(url, randomBytes(100_000), headers)).status >= 400, "other bytes are refused");
  assert.equal((await put(url, bytes)).status, 403, "without its headers the URL is worth nothing");
  assert.equal((await put(url.replace(object.owner, randomUUID()), bytes, headers)).status, 403, "and it is for one path");
  await assert.rejects(takeUpload(storage, { ...object, ...most }), { code: "object_missing" });
  assert.equal((await put(url, bytes, headers)).status, 200);
  await assert.rejects(takeUpload(storage, { ...object, owner: randomUUID(), ...most }), { code: "object_missing" }, "a hash alone is no object");
  for (let again = 0; again < 2; again += 1) assert.deepEqual(await takeUpload(storage, { ...object, ...most }), { byte_size: bytes.length });
  await clearUpload(storage, object);
  assert.deepEqual(await paths(storage), [objectPath(object.sha256)]);
  assert.equal((await hashStream(await readObject(storage, object.sha256))).sha256, object.sha256);
  await assert.rejects(takeUpload(storage, { ...object, ...most }), { code: "object_missing" }, "who has nothing there has nothing, whatever others stored");
  console.log("  ✓ bytes go straight to the store, into their owner's own place, and from there under their hash");

  const other = { owner: object.owner, sha256: sha256Of(randomBytes(10)) };
  const place = `uploads/${other.owner}/${other.sha256}`;
  await storage.putIfAbsent(place, "bytes that no checksum came with");
  await assert.rejects(takeUpload(storage, { ...other, ...most }), { code: "hash_mismatch" });
  await storage.putIfAbsent(place, "bytes that no checksum came with");
  await assert.rejects(takeUpload(storage, { ...other, ...most, max_bytes: 10 }), { code: "payload_too_large" });
  assert.deepEqual(await paths(storage, "uploads"), []);
  console.log("  ✓ what came without a checksum is read and hashed; other bytes, and too many, are refused and leave nothing");
}

async function largeUploads(): Promise<void> {
  const storage = await open();
  const bytes = Buffer.concat(Array.from({ length: 6 }, () => randomBytes(50_000_000)));
  const object = { owner: randomUUID(), sha256: sha256Of(bytes) };
  const begin = async () => (await beginUpload(storage, { ...object, byte_size: bytes.length }))!;
  const { parts, upload_id } = await begin();
  assert.ok(parts.length > 5);
  await assert.rejects(takeUpload(storage, { ...object, ...most, upload_id, etags: ['"none"'] }), { code: "object_missing" });
  const etags: string[] = [];
  let at = 0;
  for (const { url, byte_size } of parts) {
    const answer = await put(url, bytes.subarray(at, (at += byte_size)));
    etags.push(answer.headers.get("etag")!);
  }
  for (let again = 0; again < 2; again += 1) assert.deepEqual(await takeUpload(storage, { ...object, ...most, upload_id, etags }), { byte_size: bytes.length });
  assert.equal((await hashStream(await readObject(storage, object.sha256))).sha256, object.sha256);
  await begin();
  assert.equal(await storage.direct!.sweep("uploads", new Date(Date.now() - 60_000)), 0, "what is new may still be finished");
  assert.equal(await storage.direct!.sweep("uploads", new Date(Date.now() + 60_000)), 2, "what was sent, and what was begun");
  assert.equal(await storage.direct!.sweep("uploads", new Date(Date.now() + 60_000)), 0);
  assert.deepEqual(await paths(storage), [objectPath(object.sha256)]);
  console.log("  ✓ large bytes go in parts; what nobody finished is swept");
}

async function copies(): Promise<void> {
  const client = s3Client(s3Settings("s3://lake", server.env));
  const storage = await openS3Storage("s3://lake/copies", server.env);
  await storage.putIfAbsent("large", Readable.from(Array.from({ length: 10 }, () => randomBytes(4_000_000))));
  const copy = (from: string, to: string, etag: string | null) => copyObject(client, "lake", { from: `copies/${from}`, to: `copies/${to}`, byte_size: 40_000_000, etag }, 16 << 20);
  await copy("large", "in parts", null);
  assert.deepEqual(await hashStream(await storage.read("in parts")), await hashStream(await storage.read("large")));
  await assert.rejects(copy("large", "not", '"another"'), { code: "storage_unavailable" });
  assert.equal(await storage.stat("not"), null);
  console.log("  ✓ what is too large for one request is copied in parts, and only as it was looked at");
}

async function readUrls(): Promise<void> {
  const storage = await open();
  await storage.putIfAbsent("objects/a b", "the bytes");
  const url = await storage.direct!.readUrl("objects/a b", { expires_seconds: 60, content_type: "text/plain; charset=utf-8", content_disposition: 'attachment; filename="a.txt"' });
  const answer = await fetch(url, { headers: { range: "bytes=4-" } });
  assert.deepEqual([answer.status, answer.headers.get("content-type"), answer.headers.get("content-disposition"), await answer.text()], [206, "text/plain; charset=utf-8", 'attachment; filename="a.txt"', "bytes"]);
  assert.equal((await fetch(url.replace("a%20b", "other"))).status, 403, "a URL is for one object");
  assert.equal((await fetch(url.replace("Expires=60", "Expires=6000"))).status, 403, "and for its time");
  console.log("  ✓ a URL reads this object, with its type and name, and no other");
}

async function refusals(): Promise<void> {
  const secret = "not-the-secret";
  const wrong = open(server.endpoint, { AWS_SECRET_ACCESS_KEY: secret });
  await assert.rejects(wrong, (error: Error & { code: string; retryable: boolean }) => error.code === "storage_unavailable" && !error.retryable && /403/.test(error.message) && !error.message.includes(secret));
  await assert.rejects(openS3Storage("s3://no-such-bucket/x", server.env), { code: "storage_unavailable", retryable: false });
  await assert.rejects(openS3Storage("s3://lake/x", {}), { code: "not_configured" });
  console.log("  ✓ a wrong key, a missing bucket and missing settings are said at start");
}

async function left(): Promise<void> {
  const storage = await openS3Storage("s3://lake", server.env);
  assert.deepEqual((await paths(storage)).filter((path) => path.includes(".probe/")), [], "probes are removed");
}

try {
  await steady();
  await lostAnswers();
  await unsteady();
  await uploads();
  await largeUploads();
  await copies();
  await readUrls();
  await refusals();
  await left();
} finally {
  await server.stop();
}
