import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import type { RunEvent } from "../../contracts/event.ts";
import { answerJson, problemOf, startServer, type TestingServer } from "../core/testing-server.ts";
import { followRun } from "./follow-run.ts";

const runId = "0190a000-0000-7000-8000-000000000001";
let server: TestingServer | undefined;
afterEach(() => server?.close());

const types = ["RUN_CREATED", "RUN_CLAIMED", "RUN_STARTED", "PHASE_STARTED", "RUN_SUCCEEDED"];
const events: RunEvent[] = types.map((type, index) => ({
  seq: index + 1, event_id: `0190a000-0000-4000-8000-00000000000${index}`, type, level: "info", phase: null, message: "", data: {}, created_at: "2026-01-01T00:00:00+00:00",
}));
const asStream = (some: RunEvent[]): string => some.map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
const stream = (response: ServerResponse): ServerResponse => response.writeHead(200, { "content-type": "text/event-stream" });

async function follow(url: string): Promise<number[]> {
  const seen: number[] = [];
  for await (const event of followRun({ url, token: "lct_x" }, runId)) seen.push(event.seq);
  return seen;
}

test("a stream that breaks off is resumed after the last event, and ends with the run", async () => {
  server = await startServer((request, response) => {
    const after = Number(request.headers["last-event-id"]);
    stream(response).write(`: hello\n\n${asStream(events.slice(Math.max(0, after - 1), after + 2))}`);
    // Broken off in the middle of an event, once it has surely arrived.
    response.write("id: 99\ndata: {", () => response.destroy());
  });
  expect(await follow(server.url)).toEqual([1, 2, 3, 4, 5]);
  expect(server.received.every((request) => request.headers.authorization === "Bearer lct_x")).toBe(true);
});

test("where the server does not stream, the events are polled", async () => {
  server = await startServer((request, response) => {
    const query = new URL(request.path, "http://x").searchParams;
    const after = Number(query.get("after") ?? 0);
    answerJson(response, 200, { items: events.slice(after, after + 2), next_cursor: null });
  });
  expect(await follow(server.url)).toEqual([1, 2, 3, 4, 5]);
});

test("what is refused is not asked again", async () => {
  server = await startServer((_request, response) => answerJson(response, 404, problemOf(404, "not_found")));
  await expect(follow(server.url)).rejects.toMatchObject({ code: "not_found" });
  expect(server.received).toHaveLength(1);
});
