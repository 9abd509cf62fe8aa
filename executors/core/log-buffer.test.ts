import { afterEach, expect, test } from "vitest";
import type { NewLogChunk } from "../../contracts/log.ts";
import { LeaseLost } from "./errors.ts";
import { httpTransport } from "./http-transport.ts";
import { logBuffer, type LogBuffer } from "./log-buffer.ts";
import { redactor, type Redactor } from "./redactor.ts";
import { answerJson, problemOf, startServer, type TestingServer } from "./testing-server.ts";

const lease = { run_id: "0190a000-0000-7000-8000-000000000001", lease_token: "0190a000-0000-4000-8000-000000000002" };
let server: TestingServer | undefined;
afterEach(() => server?.close());

const sent = (): NewLogChunk[][] => (server?.received ?? []).map(({ body }) => (JSON.parse(body.toString()) as { chunks: NewLogChunk[] }).chunks);
const accepted = { last_line: 1, dropped_lines: "0" };
function buffer(url: string, onLost: (error: LeaseLost) => void = () => undefined, redact: Redactor = redactor()): LogBuffer {
  return logBuffer(httpTransport({ url, token: "lcx_x" }), lease, { signal: new AbortController().signal, log: () => undefined, onLost, redact });
}

test("lines of one phase and stream go together, in order, in chunks and batches of limited size", async () => {
  server = await startServer((_request, response) => answerJson(response, 200, accepted));
  const logs = buffer(server.url);
  logs.add("land", "stdout", "one\ntwo\n");
  logs.add("land", "stdout", "three");
  logs.add("land", "stderr", "four");
  logs.add(null, "engine", "five");
  await Promise.all([logs.flush(), logs.flush()]);
  expect(sent()[0]?.map(({ phase, stream, text }) => [phase, stream, text])).toEqual([["land", "stdout", "one\ntwo\nthree"], ["land", "stderr", "four"], [null, "engine", "five"]]);
  for (let at = 0; at < 2000; at += 1) logs.add("land", "stdout", `${at} ${"x".repeat(1000)}`);
  await logs.flush();
  const chunks = sent().slice(1).flat();
  expect(Math.max(...chunks.map(({ text }) => text.length))).toBeLessThanOrEqual(65_536);
  expect(chunks.flatMap(({ text }) => text.split("\n").map((line) => Number(line.split(" ")[0])))).toEqual(Array.from({ length: 2000 }, (_, at) => at));
  expect(sent().length).toBeGreaterThan(2);
});

test("a batch whose answer got lost is sent again with the same ids and lines, whatever came meanwhile", async () => {
  let logs: LogBuffer | undefined;
  server = await startServer((_request, response, count) => {
    if (count > 1) return answerJson(response, 200, accepted);
    logs?.add("land", "stdout", "later");
    response.destroy();
  });
  logs = buffer(server.url);
  logs.add("land", "stdout", "first");
  await logs.flush();
  const [first, second, ...more] = sent();
  expect(second?.slice(0, 1)).toEqual(first);
  expect([...(second ?? []).slice(1), ...more.flat()].map(({ text }) => text)).toEqual(["later"]);
});

test("secrets are taken out before a line leaves the executor", async () => {
  server = await startServer((_request, response) => answerJson(response, 200, accepted));
  const logs = buffer(server.url, undefined, redactor(["postgres://reader:p%40ss-word@db:5432/odoo"]));
  logs.add("land", "stderr", "cannot open postgres://reader:p%40ss-word@db:5432/odoo\npassword p@ss-word is wrong\nat mysql://a:b@c/d");
  await logs.flush();
  expect(sent()[0]?.[0]?.text).toBe("cannot open ***\npassword *** is wrong\nat mysql://a:***@c/d");
});

test("what PostgreSQL cannot hold is made fit, and a line without end is cut", async () => {
  server = await startServer((_request, response) => answerJson(response, 200, accepted));
  const logs = buffer(server.url);
  logs.add("land", "stdout", "nul \u0000, lone \ud800");
  logs.add("land", "stdout", "x".repeat(1_000_000));
  await logs.flush();
  const [first, second] = sent()[0]?.[0]?.text.split("\n") ?? [];
  expect(first).toBe("nul \ufffd, lone \ufffd");
  expect(second).toHaveLength(16_384);
});

test("while the control room is away the oldest lines are given up, and one line tells how many", async () => {
  server = await startServer((_request, response) => answerJson(response, 200, accepted));
  const logs = buffer(server.url);
  const each = 10_000;
  for (let at = 0; at < 1000; at += 1) logs.add("land", "stdout", `${at} ${"x".repeat(each)}`);
  await logs.flush();
  const lines = sent().flat().flatMap(({ text }) => text.split("\n"));
  const missing = Number(/^(\d+) lines are missing here/.exec(lines[0] ?? "")?.[1]);
  expect(missing).toBeGreaterThan(500);
  expect(lines.slice(1).map((line) => Number(line.split(" ")[0]))).toEqual(Array.from({ length: 1000 - missing }, (_, at) => missing + at));
  expect(lines.join("").length).toBeLessThan(4_100_000);
});

test("they are written soon without a flush; a lost lease is told, what is refused does not block what follows", async () => {
  server = await startServer((_request, response, count) => (count === 1 ? answerJson(response, 400, problemOf(400, "invalid_input")) : answerJson(response, 409, problemOf(409, "lease_lost"))));
  const { url } = server;
  const lost = await new Promise<LeaseLost>((resolve) => {
    const logs = buffer(url, resolve);
    logs.add("land", "stdout", "bad");
    void logs.flush().then(() => logs.add("land", "stdout", "good"));
  });
  expect(lost).toBeInstanceOf(LeaseLost);
  expect(sent()[1]?.map(({ text }) => text)).toEqual(["good"]);
});
