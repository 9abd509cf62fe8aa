import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, settleOrAbandon, sleep } from "./backoff.ts";

test("a wait lies between nothing and the doubling bound, and never above the cap", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
    const wait = backoffMs(attempt, { base_ms: 200, cap_ms: 5000 }, () => random);
    expect(wait).toBeGreaterThanOrEqual(0);
    expect(wait).toBeLessThanOrEqual(Math.min(5000, 200 * 2 ** (attempt - 1)));
  }));
  expect(backoffMs(3, { base_ms: 200, cap_ms: 5000 }, () => 1)).toBe(800);
});

test("a sleep ends with the signal's reason at once", async () => {
  const controller = new AbortController();
  const sleeping = sleep(600_000, controller.signal);
  controller.abort(new Error("enough"));
  await expect(sleeping).rejects.toThrow("enough");
  await expect(sleep(1, controller.signal)).rejects.toThrow("enough");
});

test("work that ignores its signal is left behind", async () => {
  const controller = new AbortController();
  const never = settleOrAbandon(new Promise(() => undefined), controller.signal, 1);
  controller.abort(new Error("stop"));
  await expect(never).rejects.toThrow("stop");
});

test("work that stops in time keeps its own answer", async () => {
  const controller = new AbortController();
  controller.abort(new Error("stop"));
  await expect(settleOrAbandon(Promise.resolve(5), controller.signal, 60_000)).resolves.toBe(5);
  await expect(settleOrAbandon(Promise.reject(new Error("own")), controller.signal, 60_000)).rejects.toThrow("own");
});
