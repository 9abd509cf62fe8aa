/**
 * Storage on a real S3 server (versitygw): the same cases as `file:`, again over a line that loses answers, refuses
 * requests and breaks off; presigned URLs; what a wrong key and a missing bucket say.
 *
 * Run: `npx tsx executors/storage/s3.outside.ts`. Needs Go once, to build the server. Exits 1 at the first difference.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
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

async function presigned(): Promise<void> {
  const storage = await open();
  const bytes = randomBytes(100_000);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const put = (await storage.presign("objects/a b", { method: "PUT", sha256, expires_seconds: 60 }))!;
  const send = (body: Uint8Array, headers = put.headers, url = put.url) => fetch(url, { method: "PUT", body: body as NonNullable<RequestInit["body"]>, headers });
  assert.ok((await send(randomBytes(100_000))).status >= 400, "other bytes are refused");
  assert.equal((await send(bytes, {})).status, 403, "without its headers the URL is worth nothing");
  assert.equal(await storage.stat("objects/a b"), null);
  assert.equal((await send(bytes)).status, 200);
  assert.equal((await send(bytes)).status, 412, "what is there stays");
  const get = (await storage.presign("objects/a b", { method: "GET", expires_seconds: 60 }))!;
  assert.deepEqual(Buffer.from(await (await fetch(get.url)).arrayBuffer()), bytes);
  assert.equal((await fetch(get.url.replace("a%20b", "other"))).status, 403, "a URL is for one object");
  assert.equal((await fetch(get.url.replace("Expires=60", "Expires=6000"))).status, 403, "and for its time");
  console.log("  ✓ presigned URLs put these bytes where none are, and read this object");
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
  await presigned();
  await refusals();
  await left();
} finally {
  await server.stop();
}
