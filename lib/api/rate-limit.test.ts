import { expect, test } from "vitest";
import { ControlRoomError } from "@/contracts/error.ts";
import { limitCalls } from "./rate-limit.ts";

function allowed(credential: string, now: number, calls: number): number {
  for (let count = 0; count < calls; count += 1) {
    try {
      limitCalls(credential, now, 100);
    } catch (error) {
      expect(error).toMatchObject({ code: "rate_limited", retryAfterSeconds: expect.closeTo(0.01, 3) });
      return count;
    }
  }
  return calls;
}

test("a caller may make ten seconds' worth at once, then as many as come back with time; others are not held up", () => {
  expect(allowed("one", 1000, 5000)).toBe(1000);
  expect(allowed("one", 1100, 5000)).toBe(10);
  expect(allowed("two", 1100, 5000)).toBe(1000);
  expect(allowed("one", 20_000, 5000)).toBe(1000);
});

test("a refused call costs nothing: who waits as told is let in", () => {
  allowed("three", 0, 5000);
  for (let tries = 0; tries < 100; tries += 1) expect(() => limitCalls("three", 0, 100)).toThrow(ControlRoomError);
  expect(allowed("three", 10.1, 5)).toBe(1);
});

test("a hundred thousand invented credentials do not make the memory grow, nor free a busy caller", () => {
  allowed("busy", 100_000, 1000);
  const before = process.memoryUsage().heapUsed;
  for (let each = 0; each < 100_000; each += 1) {
    limitCalls(`invented ${each}`, 100_000 + each / 1000, 100);
    if (each % 5000 === 0) expect(() => { for (let count = 0; count < 20; count += 1) limitCalls("busy", 100_000 + each / 1000, 100); }).toThrow(ControlRoomError);
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
});

test("what is long is kept as its hash: twenty thousand headers of 15 kB take no memory to speak of", () => {
  const before = process.memoryUsage().heapUsed;
  const long = "x".repeat(15_000);
  for (let each = 0; each < 20_000; each += 1) limitCalls(Buffer.from(`${each} ${long}`).toString("latin1"), 200_000, 100);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
  expect(allowed(`${long}one`, 300_000, 5000)).toBe(1000);
  expect(allowed(`${long}two`, 300_000, 10)).toBe(10);
});
