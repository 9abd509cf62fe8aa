import { afterEach, expect, test, vi } from "vitest";
import { httpTransport } from "./http-transport.ts";
import { keepLease, type LeaseKeeper } from "./lease.ts";
import { Canceled } from "./outcome.ts";
import { answerJson, problemOf, startServer, type TestingServer } from "./testing-server.ts";

const lease = { run_id: "0190a000-0000-7000-8000-000000000001", lease_token: "0190a000-0000-4000-8000-000000000002" };
const renewed = { lease_expires_at: "2026-01-01T00:00:00+00:00", cancel_requested: false, cancel_reason: null, stop_code: null };
let server: TestingServer | undefined;
let keeper: LeaseKeeper | undefined;
afterEach(async () => {
  await keeper?.stop();
  await server?.close();
});

function keep(url: string, lease_seconds = 1): { lost: Promise<Error>; canceled: Promise<Error> } {
  const told: { lost?: (error: Error) => void; canceled?: (error: Error) => void } = {};
  const lost = new Promise<Error>((resolve) => { told.lost = resolve; });
  const canceled = new Promise<Error>((resolve) => { told.canceled = resolve; });
  keeper = keepLease(httpTransport({ url, token: "lcx_x" }), lease, {
    lease_seconds, phase: () => "land", onLost: (error) => told.lost?.(error), onCancel: (error) => told.canceled?.(error), log: () => undefined,
  });
  return { lost, canceled };
}

test("a lease is renewed again and again, with the phase, and outlives single failures", async () => {
  server = await startServer((_request, response, count) => (count === 2 ? void response.destroy() : answerJson(response, 200, renewed)));
  // Long enough that a busy machine does not lose it by itself.
  const { lost } = keep(server.url, 6);
  await vi.waitUntil(() => (server?.received.length ?? 0) >= 5, { timeout: 25_000 });
  expect(JSON.parse(server.received[0]?.body.toString() ?? "")).toEqual({ phase: "land" });
  expect(await Promise.race([lost, Promise.resolve("held")])).toBe("held");
});

test("a lease that the control room gave to another is lost at once", async () => {
  server = await startServer((_request, response) => answerJson(response, 409, problemOf(409, "lease_lost")));
  expect((await keep(server.url).lost).message).toContain("lease_lost");
  expect(server.received).toHaveLength(1);
});

test("a lease that nobody renews is lost by the local clock, when its time has passed", async () => {
  server = await startServer(() => undefined);
  const started = performance.now();
  expect((await keep(server.url).lost).message).toBe("no heartbeat got through for 1 s");
  expect(performance.now() - started).toBeGreaterThanOrEqual(990);
});

test("a cancellation is told once", async () => {
  server = await startServer((_request, response) => answerJson(response, 200, { ...renewed, cancel_requested: true, cancel_reason: "not needed", stop_code: "canceled" }));
  const error = await keep(server.url).canceled;
  expect(error).toBeInstanceOf(Canceled);
  expect(error.message).toBe("not needed");
});
