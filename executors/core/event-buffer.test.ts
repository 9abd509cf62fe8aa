import { afterEach, expect, test } from "vitest";
import { LeaseLost } from "./errors.ts";
import { eventBuffer, type EventBuffer } from "./event-buffer.ts";
import { httpTransport } from "./http-transport.ts";
import { redactor } from "./redactor.ts";
import { answerJson, problemOf, startServer, type TestingServer } from "./testing-server.ts";

const lease = { run_id: "0190a000-0000-7000-8000-000000000001", lease_token: "0190a000-0000-4000-8000-000000000002" };
let server: TestingServer | undefined;
afterEach(() => server?.close());

interface Sent { events: { event_id: string; message: string; data: Record<string, unknown> }[] }
const sent = (): Sent[] => (server?.received ?? []).map(({ body }) => JSON.parse(body.toString()) as Sent);

function buffer(url: string, onLost: (error: LeaseLost) => void = () => undefined): EventBuffer {
  return eventBuffer(httpTransport({ url, token: "lcx_x" }), lease, { signal: new AbortController().signal, log: () => undefined, onLost, redact: redactor() });
}
const progress = (message: string, data = {}) => ({ type: "PHASE_PROGRESS", phase: "land", message, data });

test("events go in batches, in order, each once", async () => {
  server = await startServer((_request, response) => answerJson(response, 200, { last_seq: 1 }));
  const events = buffer(server.url);
  for (let index = 0; index < 450; index += 1) events.add(progress(String(index)));
  await Promise.all([events.flush(), events.flush()]);
  expect(sent().map((batch) => batch.events.length)).toEqual([200, 200, 50]);
  expect(sent().flatMap((batch) => batch.events.map((event) => event.message))).toEqual(Array.from({ length: 450 }, (_, index) => String(index)));
});

test("a batch whose answer got lost is sent again with the same ids", async () => {
  server = await startServer((_request, response, count) => (count === 1 ? void response.destroy() : answerJson(response, 200, { last_seq: 1 })));
  const events = buffer(server.url);
  events.add(progress("a"));
  await events.flush();
  const [first, second] = sent();
  expect(second?.events[0]?.event_id).toBe(first?.events[0]?.event_id);
});

test("they are written soon without a flush, and a lost lease is told", async () => {
  server = await startServer((_request, response) => answerJson(response, 409, problemOf(409, "lease_lost")));
  const { url } = server;
  const lost = await new Promise<LeaseLost>((resolve) => buffer(url, resolve).add(progress("a")));
  expect(lost).toBeInstanceOf(LeaseLost);
});

test("what the control room refuses is dropped and does not block what follows", async () => {
  server = await startServer((_request, response, count) => (count === 1 ? answerJson(response, 400, problemOf(400, "invalid_input")) : answerJson(response, 200, { last_seq: 1 })));
  const events = buffer(server.url);
  events.add(progress("bad"));
  await events.flush();
  events.add(progress("good"));
  await events.flush();
  expect(sent()[1]?.events.map((event) => event.message)).toEqual(["good"]);
});

test("what PostgreSQL cannot hold, bigints and too much data are made fit", async () => {
  server = await startServer((_request, response) => answerJson(response, 200, { last_seq: 1 }));
  const events = buffer(server.url);
  events.add(progress("nul \u0000, lone \ud800", { rows: 9_007_199_254_740_993n, bad: Number.NaN, text: "\u0000" }));
  events.add(progress("big", { text: "x".repeat(70_000) }));
  await events.flush();
  const [first, second] = sent()[0]?.events ?? [];
  expect(first).toMatchObject({ message: "nul \ufffd, lone \ufffd", data: { rows: "9007199254740993", bad: "NaN", text: "\ufffd" } });
  expect(Object.keys(second?.data ?? {})).toEqual(["omitted"]);
});
