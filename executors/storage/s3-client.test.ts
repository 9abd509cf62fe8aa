import { createServer, type RequestListener, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { s3Client, s3Limits } from "./s3-client.ts";
import { s3Settings } from "./s3-settings.ts";

// A store that answers badly on purpose; a real one is in s3.outside.ts.
let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const SECRET = "q7-the-secret-key";
const env = (endpoint: string) => ({ AWS_ENDPOINT_URL_S3: endpoint, AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: SECRET });

async function store(listener: RequestListener, patience_ms = 30_000) {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return s3Client(s3Settings("s3://bucket", env(endpoint)), { tries: 4, backoff: { base_ms: 1, cap_ms: 2 }, answer_ms: patience_ms, idle_ms: patience_ms });
}

test("a store that says later is asked again, each time with a fresh signature, up to the limit", async () => {
  const signatures: (string | undefined)[] = [];
  let answers = [503, 500, 429, 200];
  const client = await store((request, response) => {
    signatures.push(request.headers.authorization);
    response.writeHead(answers.shift() ?? 503).end();
  });
  expect(await client.call({ method: "PUT", key: "a", body: "x", expect: [] })).toMatchObject({ status: 200, repeated: true });
  expect(signatures.every((each) => each?.startsWith("AWS4-HMAC-SHA256 Credential=id/"))).toBe(true);
  signatures.length = 0;
  answers = [];
  await expect(client.call({ method: "PUT", key: "a", body: "x", expect: [] })).rejects.toMatchObject({ code: "storage_unavailable", retryable: true });
  expect(signatures).toHaveLength(4);
});

test("what a repeat cannot change is said at once, with the store's code and never the key", async () => {
  let asked = 0;
  const client = await store((_, response) => {
    asked += 1;
    response.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
  });
  const refused = client.call({ method: "GET", key: "a", expect: [404] });
  await expect(refused).rejects.toMatchObject({ code: "storage_unavailable", retryable: false });
  await expect(refused).rejects.toThrow(/403 SignatureDoesNotMatch/);
  await expect(refused).rejects.not.toThrow(SECRET);
  expect(asked).toBe(1);
});

test("a store without room is storage_full, one without the object object_missing", async () => {
  const client = await store((request, response) => {
    if (request.url?.endsWith("full")) response.writeHead(507).end("<Error><Code>XMinioStorageFull</Code></Error>");
    else response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
  });
  await expect(client.call({ method: "PUT", key: "full", body: "x", expect: [] })).rejects.toMatchObject({ code: "storage_full" });
  await expect(client.call({ method: "GET", key: "none", expect: [] })).rejects.toMatchObject({ code: "object_missing" });
});

test("a store that never answers, or stops in the middle, ends within the limit", async () => {
  const silent = await store(() => undefined, 80);
  await expect(silent.call({ method: "GET", key: "a", expect: [] })).rejects.toThrow(/no answer within/);
  server?.closeAllConnections();
  server?.close();
  const stuck = await store((_, response) => {
    response.writeHead(200, { "content-length": "10" }).write("half");
  }, 80);
  await expect(stuck.call({ method: "GET", key: "a", expect: [] })).rejects.toMatchObject({ code: "storage_unavailable", retryable: true });
});

test("settings come from the variables that S3 tools share; a URL with a key in it is refused unshown", () => {
  const settings = s3Settings("s3://my-bucket/some/prefix/", { ...env("https://project.supabase.co/storage/v1/s3/"), AWS_REGION: "eu-west-1", AWS_SESSION_TOKEN: "" });
  expect(settings).toMatchObject({ endpoint: "https://project.supabase.co/storage/v1/s3", bucket: "my-bucket", prefix: "some/prefix/", region: "eu-west-1", session_token: null });
  expect(s3Settings("s3://b-1", { AWS_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "i", AWS_SECRET_ACCESS_KEY: "s" }).endpoint).toBe("https://s3.eu-west-1.amazonaws.com");
  expect(() => s3Settings("s3://id:geheim@bucket/x", env("https://x"))).toThrow(expect.objectContaining({ code: "storage_url_unsupported", message: expect.not.stringContaining("geheim") as string }));
  expect(() => s3Settings("s3://bucket", { AWS_ACCESS_KEY_ID: "id" })).toThrow(expect.objectContaining({ code: "not_configured" }));
  expect(s3Limits.tries).toBeGreaterThan(1);
});

test("a store that never ends its answer costs some bytes: of a refusal the code is read, a list is unreachable", async () => {
  let sent = 0;
  const block = Buffer.alloc(1 << 20, "x");
  const client = await store((request, response) => {
    response.writeHead(request.url?.includes("refused") ? 403 : 200);
    response.write("<Error><Code>AccessDenied</Code></Error>");
    const more = (): void => {
      while (!response.destroyed && response.write(block)) sent += block.length;
      response.once("drain", more);
    };
    more();
  });
  await expect(client.call({ method: "GET", key: "refused", expect: [] })).rejects.toThrow(/403 AccessDenied/);
  expect(sent).toBeLessThan(8 << 20);
  await expect(client.call({ method: "GET", key: "list", expect: [] })).rejects.toMatchObject({ code: "storage_unavailable" });
});
