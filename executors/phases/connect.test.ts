import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AwsV4Signer } from "aws4fetch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pipelineSpec } from "../../contracts/pipeline.ts";
import { startServer, type ReceivedRequest, type TestingServer } from "../core/testing-server.ts";
import { newEnvironment, runSpec } from "./testing/run-spec.ts";

let server: TestingServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "connect-"));
  server = await startServer(async (request, response) => {
    if (request.path.startsWith("/bucket")) response.writeHead((await isSigned(request)) ? 200 : 403).end("<ListBucketResult/>");
    else if (request.path.startsWith("/closed")) response.writeHead(request.headers.authorization === `Basic ${btoa("me:s3cret-word")}` ? 204 : 401).end();
    else response.writeHead({ "/gone": 404, "/moved": 302, "/broken": 503 }[request.path] ?? 200, { location: "http://169.254.169.254/" }).end();
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Whether the request carries the signature that the key's secret makes of it. */
async function isSigned({ method, path, headers }: ReceivedRequest): Promise<boolean> {
  const signed = await new AwsV4Signer({
    method, url: `${server.url}${path}`, headers: { "x-amz-content-sha256": String(headers["x-amz-content-sha256"]), "x-amz-date": String(headers["x-amz-date"]) }, accessKeyId: "AKIA1", secretAccessKey: "s3cret-word", service: "s3", region: "us-east-1", datetime: String(headers["x-amz-date"]),
  }).sign();
  return signed.headers.get("authorization") === headers.authorization;
}

async function ask(url: string) {
  const environment = newEnvironment(pathToFileURL(`${folder}/`), { source: url });
  const spec = pipelineSpec.parse({ version: 1, name: "test", phases: [{ name: "connect", type: "connect", config: { connection: "source" } }] });
  return runSpec(environment, spec);
}
const s3 = (secret: string, host = server.url) => `s3://AKIA1:${secret}@bucket/in?endpoint=${host}`;

test("an address that answers passes, whatever it answers but a refusal, with the secret where it belongs", async () => {
  const at = server.url.replace("http://", "http://me:s3cret-word@");
  for (const [url, status] of [[server.url, 200], [`${server.url}/gone`, 404], [`${server.url}/moved`, 302], [`${at}/closed`, 204]] as const) {
    expect((await ask(url)).metrics["connect"], url).toMatchObject({ status });
  }
});

test("a bucket passes when the key may list it", async () => {
  expect((await ask(s3("s3cret-word"))).metrics["connect"]).toMatchObject({ status: 200 });
  expect(server.received.at(-1)?.path).toBe("/bucket?list-type=2&max-keys=1&prefix=in%2F");
});

test("what refuses, is not there or may not be reached fails with a code of its own, and no error holds the secret or an address", async () => {
  const failures: [string, string, boolean][] = [
    [`${server.url}/closed`, "source_auth_failed", false], [`${server.url}/broken`, "source_unreachable", true], ["http://127.0.0.1:1", "source_unreachable", true], ["https://10.0.0.1", "source_address_refused", false], ["https://169.254.169.254/latest", "source_address_refused", false],
    [s3("wrong-secret"), "source_auth_failed", false], [s3("s3cret-word", "http://127.0.0.1:1"), "source_unreachable", true], [s3("s3cret-word", "https://[::ffff:169.254.169.254]"), "source_address_refused", false],
  ];
  for (const [url, code, retryable] of failures) {
    const failure: Error = await ask(url).then(() => { throw new Error(`${url} passed`); }, (error: Error) => error);
    expect(failure, url).toMatchObject({ code, retryable });
    expect(String(failure)).not.toMatch(/s3cret|wrong-secret|127\.0|169\.254|10\.0/);
  }
});
