import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { ControlRoomError } from "../../contracts/error.ts";
import { LeaseLost } from "./errors.ts";
import { sha256Of } from "./hash.ts";
import { httpTransport } from "./http-transport.ts";
import { jsonAnswer, noRetry, remoteCall, retryAfterMs, retryAfterSeconds, Unreachable, type RetrySettings } from "./remote-call.ts";
import { rpcTransport } from "./rpc-transport.ts";
import { answerJson, problemOf, startServer, type TestingServer } from "./testing-server.ts";
import { localFiles } from "../storage/scratch.ts";
import { prepareUpload } from "./upload.ts";

let server: TestingServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
const quick: RetrySettings = { attempts: 4, base_ms: 1, cap_ms: 2 };
const ok = jsonAnswer(z.object({ ok: z.boolean() }));
const lease = { run_id: "0190a000-0000-7000-8000-000000000001", lease_token: "0190a000-0000-4000-8000-000000000002" };
const token = `lcx_${"a".repeat(43)}`;

function get(url: string, retry = quick, more: { signal?: AbortSignal; timeout_ms?: number } = {}): Promise<{ ok: boolean }> {
  return remoteCall({ method: "GET", url, headers: {}, timeout_ms: 5000, retry, answer: ok, ...more });
}

describe("a call", () => {
  test.each([429, 502, 503, 504])("is repeated after %i until it succeeds", async (status) => {
    server = await startServer((_request, response, count) => (count < 3 ? answerJson(response, status, "no") : answerJson(response, 200, { ok: true })));
    await expect(get(server.url)).resolves.toEqual({ ok: true });
    expect(server.received).toHaveLength(3);
  });

  test.each(["57P01", "57P02", "08006", "40P01", ""])("is repeated where PostgREST passes on that the database went away (%s), which it answers with 400", async (code) => {
    server = await startServer((_, response, count) => (count === 1 ? answerJson(response, 400, { code, message: code === "" ? "" : "terminating connection" }) : answerJson(response, 200, { ok: true })));
    expect(await get(server.url)).toEqual({ ok: true });
  });
  test("is repeated after a broken connection", async () => {
    server = await startServer((_request, response, count) => (count < 3 ? void response.destroy() : answerJson(response, 200, { ok: true })));
    await expect(get(server.url)).resolves.toEqual({ ok: true });
  });

  test("is repeated a limited number of times", async () => {
    server = await startServer((_request, response) => answerJson(response, 503, problemOf(503, "database_unavailable")));
    await expect(get(server.url)).rejects.toMatchObject({ code: "database_unavailable" });
    expect(server.received).toHaveLength(4);
  });

  test.each([[400, "invalid_input"], [404, "not_found"], [409, "object_missing"], [422, "hash_mismatch"], [500, "internal"], [507, "storage_full"]])("is not repeated after %i %s", async (status, code) => {
    server = await startServer((_request, response) => answerJson(response, status, problemOf(status, code)));
    await expect(get(server.url)).rejects.toMatchObject({ name: "ControlRoomError", code, message: "so it is" });
    expect(server.received).toHaveLength(1);
  });

  test("has a timeout", async () => {
    server = await startServer(() => undefined);
    await expect(get(server.url, noRetry, { timeout_ms: 50 })).rejects.toThrow(/gave no answer within 50 ms/);
  });

  test("ends with the signal's reason, whatever it waits for", async () => {
    const controller = new AbortController();
    server = await startServer(() => controller.abort(new LeaseLost()));
    await expect(get(server.url, quick, { signal: controller.signal })).rejects.toBeInstanceOf(LeaseLost);
  });

  test.each(["lease_lost", "run_finished"])("that is answered %s is LeaseLost, from /api/v1 and from PostgREST", async (code) => {
    server = await startServer((request, response) => answerJson(response, 409, request.path.startsWith("/rest/") ? { code: "PT409", message: code, details: "gone", hint: "" } : problemOf(409, code)));
    await expect(httpTransport({ url: server.url, token }).start(lease)).rejects.toBeInstanceOf(LeaseLost);
    await expect(rpcTransport({ url: server.url, token, supabase_url: server.url, publishable_key: "k" }).start(lease)).rejects.toBeInstanceOf(LeaseLost);
    expect(server.received).toHaveLength(2);
  });

  test("that is answered by something else than a control room says so", async () => {
    server = await startServer((_request, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<h1>hello</h1>"));
    await expect(get(server.url, noRetry)).rejects.toBeInstanceOf(Unreachable);
  });

  test("that is answered outside the contract is an error that names the field", async () => {
    server = await startServer((_request, response) => answerJson(response, 200, { ok: "yes" }));
    await expect(get(server.url)).rejects.toThrow(/does not fit the contract: ok/);
  });

  test("honours Retry-After, in seconds and as a date", () => {
    expect(retryAfterSeconds("7")).toBe(7);
    expect(retryAfterSeconds("Thu, 01 Jan 2026 00:00:10 GMT", Date.parse("2026-01-01T00:00:00Z"))).toBe(10);
    expect(retryAfterSeconds("soon")).toBeUndefined();
    const busy = new ControlRoomError("rate_limited", "x", { retryAfterSeconds: 3 });
    expect(retryAfterMs(busy, 1, { attempts: 3, base_ms: 100, cap_ms: 100 })).toBeGreaterThanOrEqual(3000);
    expect(retryAfterMs(new ControlRoomError("rate_limited", "x", { retryAfterSeconds: 600 }), 1, quick)).toBeNull();
  });
});

describe("the transports", () => {
  const state = { run_id: lease.run_id, status: "running", attempt: 1, finished_at: null, error_code: null };

  test("prove themselves by token and lease in the way each door takes", async () => {
    server = await startServer((_request, response) => answerJson(response, 200, state));
    await httpTransport({ url: server.url, token }).complete(lease, { phases: {} });
    await rpcTransport({ url: server.url, token, supabase_url: `${server.url}/`, publishable_key: "sb_publishable_x" }).complete(lease, { phases: {} });
    const [http, rpc] = server.received;
    expect(http).toMatchObject({ method: "POST", path: `/api/v1/runs/${lease.run_id}/complete`, headers: { authorization: `Bearer ${token}`, "lease-token": lease.lease_token } });
    expect(JSON.parse(http?.body.toString() ?? "")).toEqual({ output_manifest: { phases: {} } });
    expect(rpc).toMatchObject({ method: "POST", path: "/rest/v1/rpc/complete_run", headers: { apikey: "sb_publishable_x", "x-control-room-token": token, "content-profile": "ops" } });
    expect(rpc?.headers.authorization).toBeUndefined();
    expect(JSON.parse(rpc?.body.toString() ?? "")).toEqual({ ...lease, output_manifest: { phases: {} } });
  });

  test("take an empty claim as 204, and never repeat a claim", async () => {
    server = await startServer((_request, response, count) => void response.writeHead(count === 1 ? 204 : 503).end());
    const plane = httpTransport({ url: server.url, token });
    await expect(plane.claim({ max_runs: 1 })).resolves.toEqual({ items: [], again: false, retry_after_ms: 0 });
    await expect(plane.claim({ max_runs: 1 })).rejects.toMatchObject({ code: "database_unavailable" });
    expect(server.received).toHaveLength(2);
  });
});

describe("an upload", () => {
  const environment_id = "0190a000-0000-7000-8000-000000000003";
  const answered = { stored: false, method: "PUT", url: "/api/v1/objects/x", headers: {}, parts: [], upload_id: null, finish_url: null };

  test("of a file is streamed with its length, and sent again whole after a failure", async () => {
    const folder = mkdtempSync(join(tmpdir(), "upload-"));
    try {
      const content = Buffer.alloc(3_000_000, "lake");
      writeFileSync(join(folder, "f"), content);
      let puts = 0;
      server = await startServer((request, response) => {
        if (request.method === "POST") return answerJson(response, 200, { ...answered, headers: { "Content-Type": "text/plain" } });
        puts += 1;
        return puts === 1 ? answerJson(response, 503, "busy") : answerJson(response, 201, { sha256: sha256Of(request.body), byte_size: String(request.body.length) });
      });
      const upload = await prepareUpload({ file: join(folder, "f") }, environment_id, localFiles);
      expect(upload).toMatchObject({ sha256: sha256Of(content), byte_size: content.length });
      await expect(httpTransport({ url: server.url, token }).uploadObject(upload)).resolves.toEqual({ sent: true });
      expect(server.received.slice(1).map(({ headers, body }) => [headers["content-type"], headers["content-length"], headers["transfer-encoding"], sha256Of(body)])).toEqual([1, 2].map(() => ["text/plain", String(content.length), undefined, upload.sha256]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("of a stream is not kept in memory while it goes", async () => {
    const sink = createServer((incoming, response) => void incoming.resume().on("end", () => response.end()));
    await new Promise<void>((resolve) => sink.listen(0, "127.0.0.1", resolve));
    try {
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      let sent = 0;
      const blocks = new ReadableStream<Uint8Array>({
        pull(controller) {
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
          controller.enqueue(new Uint8Array(1 << 20));
          if ((sent += 1) === 128) controller.close();
        },
      });
      await remoteCall({ method: "PUT", url: `http://127.0.0.1:${(sink.address() as AddressInfo).port}/`, headers: {}, timeout_ms: 60_000, retry: noRetry, body: () => blocks, answer: async (response) => response.text() });
      expect(most).toBeLessThan(96 << 20);
    } finally {
      sink.closeAllConnections();
      sink.close();
    }
  });

  test("of bytes that are stored already sends nothing", async () => {
    server = await startServer((_request, response) => answerJson(response, 200, { ...answered, stored: true }));
    await expect(httpTransport({ url: server.url, token }).uploadObject(await prepareUpload({ text: "abc" }, environment_id, localFiles))).resolves.toEqual({ sent: false });
    expect(server.received).toHaveLength(1);
  });

  test("to a store of its own never carries the token there", async () => {
    const store = await startServer((_request, response) => void response.writeHead(200).end());
    try {
      server = await startServer((_request, response) => answerJson(response, 200, { ...answered, url: `${store.url}/bucket/x?sig=1`, headers: { "x-amz-checksum-sha256": "y" } }));
      await httpTransport({ url: server.url, token }).uploadObject(await prepareUpload({ text: "" }, environment_id, localFiles));
      expect(store.received[0]).toMatchObject({ method: "PUT", headers: { "content-length": "0", "x-amz-checksum-sha256": "y" } });
      expect(store.received[0]?.headers.authorization).toBeUndefined();
    } finally {
      await store.close();
    }
  });

  test("goes to the store in the parts that were asked for, each again after a failure, and is then said to be there", async () => {
    let lost = 0;
    const store = await startServer((request, response) => {
      if (request.path === "/b" && (lost += 1) === 1) return void response.writeHead(503).end();
      response.writeHead(200, { etag: `"tag of ${request.path}"` }).end();
    });
    try {
      const parts = [{ url: `${store.url}/a`, byte_size: 5 }, { url: `${store.url}/b`, byte_size: 5 }, { url: `${store.url}/c`, byte_size: 2 }];
      server = await startServer((request, response) => answerJson(response, 200, request.path.endsWith("/upload-url") ? { ...answered, url: parts[0]!.url, parts, upload_id: "u", finish_url: "/api/v1/objects/x/finish-upload" } : { sha256: sha256Of("lake-lake-ok"), byte_size: "12" }));
      await expect(httpTransport({ url: server.url, token }).uploadObject(await prepareUpload({ text: "lake-lake-ok" }, environment_id, localFiles))).resolves.toEqual({ sent: true });
      expect(store.received.map(({ path, body }) => [path, body.toString()])).toEqual([["/a", "lake-"], ["/b", "lake-"], ["/b", "lake-"], ["/c", "ok"]]);
      const told = server.received.at(-1)!;
      expect([told.method, told.path, told.headers.authorization]).toEqual(["POST", "/api/v1/objects/x/finish-upload", `Bearer ${token}`]);
      expect(JSON.parse(told.body.toString())).toEqual({ environment_id, upload_id: "u", etags: ['"tag of /a"', '"tag of /b"', '"tag of /c"'] });
    } finally {
      await store.close();
    }
  });

  test("is read back only with the right hash", async () => {
    server = await startServer((_request, response) => void response.writeHead(200).end("abd"));
    const artifact = { artifact_id: "a", run_id: "r", phase: null, name: "n", kind: "manifest" as const, content_type: "text/plain", byte_size: "3", url: "/api/v1/artifacts/a/content", metadata: {}, created_at: "" };
    const plane = httpTransport({ url: server.url, token });
    await expect(plane.readArtifact({ ...artifact, sha256: sha256Of("abd") })).resolves.toEqual(new TextEncoder().encode("abd"));
    await expect(plane.readArtifact({ ...artifact, sha256: sha256Of("abc") })).rejects.toMatchObject({ code: "hash_mismatch" });
  });
});
