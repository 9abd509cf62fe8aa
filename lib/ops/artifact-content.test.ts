import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test, vi } from "vitest";
import { registerArtifactRequest, type Artifact } from "@/contracts/artifact.ts";
import { artifactContent } from "./artifact-content.ts";

const about = (content_type: string, name: string): Artifact => ({ content_type, name, sha256: "a".repeat(64), byte_size: "10" }) as Artifact;
// HEAD opens no bytes: what is asked here are the headers.
const head = (content_type: string, name = "report.html") => artifactContent(about(content_type, name), new Request("http://control.test/x", { method: "HEAD" }));

test.each(["text/html", "text/html; charset=utf-8", "TEXT/HTML", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "text/javascript", "application/javascript", "text/css", "application/pdf", "application/x-shockwave-flash", "multipart/x-mixed-replace", "application/octet-stream", ""])("an upload that says it is %j is downloaded, never shown", async (type) => {
  const { headers } = await head(type);
  expect(headers.get("content-disposition")).toMatch(/^attachment; /);
});

test.each(["text/html", "text/plain", "text/csv", "image/png", "application/json"])("whatever is shown of %s may run nothing, load nothing and be nothing else", async (type) => {
  const { headers } = await head(type);
  expect(headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("cache-control")).toContain("private");
});

test.each(['a".html', "a\r\nSet-Cookie: x=y", "../../etc/passwd", "a;filename=b.exe", "ünïcode", "\0", "a\\b"])("the name %j reaches the header as one plain word", async (name) => {
  const disposition = (await head("text/plain", name)).headers.get("content-disposition") ?? "";
  expect(disposition).toMatch(/^inline; filename="[A-Za-z0-9._@=+-]+"$/);
});

test.each(["text/html\r\nSet-Cookie: x=y", "text/html\nx", "text/html\0", "text", "text/", "text/html, text/plain", "a b/c"])("%j is no content type that could be registered", (type) => {
  expect(registerArtifactRequest.shape.content_type.safeParse(type).success).toBe(false);
});

test("large bytes are read from a store that is a bucket, with their type and name; a script of our pages, and small bytes, get them from us", async () => {
  // It answers every request: what is asked here is who is sent to it.
  const bucket = createServer((incoming, response) => void incoming.resume().on("end", () => response.end("bytes"))).listen(0, "127.0.0.1");
  await once(bucket, "listening");
  const endpoint = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`;
  vi.stubEnv("CONTROL_ROOM_STORAGE", "s3://bucket/store");
  for (const [name, value] of Object.entries({ AWS_ENDPOINT_URL_S3: endpoint, AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "the-secret" })) vi.stubEnv(name, value);
  try {
    const get = (byte_size: string, headers: Record<string, string> = {}) => artifactContent({ ...about("text/html", "a.html"), byte_size }, new Request("http://control.test/x", { headers }));
    const sent = await get("5000000");
    expect([sent.status, sent.headers.get("cache-control"), sent.body]).toEqual([307, "private, no-store", null]);
    const url = new URL(sent.headers.get("location")!);
    expect(`${url.origin}${url.pathname}`).toBe(`${endpoint}/bucket/store/objects/aa/aa/${"a".repeat(64)}`);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({ "response-content-type": "text/html; charset=utf-8", "response-content-disposition": 'attachment; filename="a.html"', "X-Amz-Expires": "300" });
    expect(url.href).not.toContain("the-secret");
    for (const answer of [await get("5000000", { "sec-fetch-dest": "empty" }), await get("5")]) {
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
  } finally {
    vi.unstubAllEnvs();
    bucket.closeAllConnections();
    bucket.close();
  }
});
