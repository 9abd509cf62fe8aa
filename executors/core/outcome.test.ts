import { describe, expect, test } from "vitest";
import { ControlRoomError } from "../../contracts/error.ts";
import { PermanentError, PhaseError, RetryLater } from "./errors.ts";
import { failureOf, tidyText } from "./outcome.ts";

describe("what a phase threw becomes a failure", () => {
  test.each<[string, unknown, object]>([
    ["a permanent error", new PermanentError("sql_error", "no such column"), { code: "sql_error", message: "no such column", permanent: true }],
    ["an error worth a later try", new RetryLater("source_unreachable", "busy", 30), { code: "source_unreachable", permanent: false, retry_after_seconds: 30 }],
    ["a phase error with facts", new PhaseError("quality_failed", "3 rows", { rows: 3 }), { code: "quality_failed", data: { rows: 3 }, permanent: false }],
    ["a refused call", new ControlRoomError("hash_mismatch", "wrong"), { code: "hash_mismatch", permanent: true }],
    ["an unavailable store", new ControlRoomError("storage_unavailable", "away"), { code: "storage_unavailable", permanent: false }],
    ["a full disk", Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }), { code: "storage_full", permanent: false }],
    ["an error that cannot be retried", Object.assign(new Error("x"), { code: "lake_unsupported", retryable: false }), { code: "lake_unsupported", permanent: true }],
    ["a code that is no word", Object.assign(new Error("x"), { code: "ERR_STRANGE" }), { code: "phase_failed" }],
    ["an error without words", new TypeError(), { code: "phase_failed", message: "TypeError" }],
    ["a text", "just a text", { code: "phase_failed", message: "just a text" }],
    ["nothing", undefined, { code: "phase_failed", message: "a phase threw undefined" }],
    ["an object", { a: 1 }, { code: "phase_failed", message: 'a phase threw {"a":1}' }],
    ["an object that cannot be printed", { a: 1n }, { code: "phase_failed", message: "a phase threw a value that cannot be printed" }],
  ])("%s", (_name, thrown, failure) => {
    expect(failureOf(thrown)).toMatchObject(failure);
  });
});

test("a text is cut at its limit, never through a pair", () => {
  expect(tidyText("abcdef", 4)).toBe("abc…");
  expect(tidyText("ab😀def", 4)).toBe("ab…");
  expect(tidyText("ab😀def", 4).isWellFormed()).toBe(true);
});
