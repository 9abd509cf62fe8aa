import { describe, expect, test } from "vitest";
import {
  formatAbsolute,
  formatBytes,
  formatCount,
  formatDuration,
  formatRelative,
  formatShare,
  formatTicking,
  formatUtcMinute,
  shortHash,
  truncateMiddle,
} from "./format.ts";

describe("durations", () => {
  test.each([
    [0, "0 ms"],
    [999.4, "999 ms"],
    [1000, "1.0 s"],
    [9999, "9.9 s"],
    [59_999, "59 s"],
    [60_000, "1m 00s"],
    [3_792_000, "1h 03m 12s"],
    [86_400_000, "1d 00h 00m"],
    [-5, "0 ms"],
    [null, "—"],
    [Number.NaN, "—"],
  ])("%s ms reads as %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test("what ticks counts whole seconds", () => {
    expect([0, 999, 1000, 9_900, 10_400, 61_999].map(formatTicking)).toEqual(["0 s", "0 s", "1 s", "9 s", "10 s", "1m 01s"]);
  });
});

test("a size never shows four digits before the point", () => {
  expect(formatBytes(0)).toBe("0 B");
  expect(formatBytes(999)).toBe("999 B");
  expect(formatBytes(1000)).toBe("1.0 kB");
  expect(formatBytes(999_960)).toBe("1.0 MB");
  expect(formatBytes("5000000000")).toBe("5.0 GB");
  expect(formatBytes(null)).toBe("—");
});

test("a count beyond 2^53 keeps every digit", () => {
  expect(formatCount("9007199254740993")).toBe("9,007,199,254,740,993");
  expect(formatCount("12.50")).toBe("12.50");
  expect(formatCount(undefined)).toBe("—");
});

test("unknown is a dash and never zero", () => {
  expect([formatDuration(null), formatBytes(null), formatCount(null), formatShare(null)]).toEqual(["—", "—", "—", "—"]);
});

test("relative time reads in both directions", () => {
  const now = Date.UTC(2026, 10, 22, 12);
  expect(formatRelative(now - 2000, now)).toBe("just now");
  expect(formatRelative(now - 59_000, now)).toBe("59 s ago");
  expect(formatRelative(now - 180_000, now)).toBe("3 m ago");
  expect(formatRelative(now + 7_200_000, now)).toBe("in 2 h");
  expect(formatRelative(now - 59 * 86_400_000, now)).toBe("59 d ago");
});

test("absolute time names its zone on both sides of a clock change", () => {
  expect(formatAbsolute(Date.UTC(2026, 2, 29, 0, 59), "Europe/Berlin")).toMatch(/^29 Mar 2026,? 01:59:00 (CET|GMT\+1)$/);
  expect(formatAbsolute(Date.UTC(2026, 2, 29, 1, 0), "Europe/Berlin")).toMatch(/^29 Mar 2026,? 03:00:00 (CEST|GMT\+2)$/);
  expect(formatUtcMinute(Date.UTC(2026, 10, 22, 22, 11, 59))).toBe("2026-11-22 22:11 UTC");
});

test("two runs of one minute stay apart when their ids are shortened", () => {
  expect(truncateMiddle("0192f3ab-0000-7000-8000-00000000a001")).toBe("0192f3ab…a001");
  expect(truncateMiddle("short")).toBe("short");
  expect(shortHash("sha256:abcdef0123456789")).toBe("abcdef01");
});
