import { expect, test } from "vitest";
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
