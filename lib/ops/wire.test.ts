import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { uuid, word } from "@/contracts/common.ts";
import { errorCatalogue } from "@/contracts/error.ts";
import { problemBody } from "@/lib/api/problem.ts";
import { parseRange } from "./byte-range.ts";
import { compareOutputs, type Outputs } from "./compare-runs.ts";
import { fromDatabase } from "./database-error.ts";
import { sseEvent } from "./event-stream.ts";
import { beyond, decodeCursor, encodeCursor, pageOf, quoted } from "./keyset.ts";
import { decimalText } from "./parquet-preview.mjs";
import { storageReceipt } from "./receipt.ts";
import { searchFilter } from "./runs.ts";
import { csvRecords, indentedJson, mostColumns, ndjsonTable } from "./text-preview.ts";

describe("errors of the database", () => {
  test("a code that SQL raised keeps its sentence and its remedy", () => {
    const error = fromDatabase({ code: "PT409", message: "lease_lost", details: "Attempt 2 holds the lease.", hint: "Stop." }, 409);
    expect(error).toMatchObject({ code: "lease_lost", status: 409, message: "Attempt 2 holds the lease. Stop." });
    expect(problemBody(error, "r").detail).toBe("Attempt 2 holds the lease. Stop.");
    expect(problemBody(fromDatabase({ code: "PT404", message: "not_found" }, 404), "r").detail).toBe(`${errorCatalogue.not_found.title} ${errorCatalogue.not_found.remedy}`);
  });
  test.each([
    [{ code: "57014", message: "canceling statement due to statement timeout" }, 500, "database_unavailable"],
    [{ code: "55P03" }, 500, "database_unavailable"],
    [{ code: "PGRST003" }, 504, "database_unavailable"],
    [{ code: "08006" }, 503, "database_unavailable"],
    [{ code: "", message: "TypeError: fetch failed" }, 0, "database_unavailable"],
    [{ message: "<html>" }, 502, "database_unavailable"],
    [{ code: "", message: "" }, 400, "database_unavailable"],
    [{ code: "22P05" }, 400, "invalid_text"],
    [{ code: "22021" }, 400, "invalid_text"],
    [{ code: "22P02" }, 400, "invalid_input"],
    [{ code: "22009", message: "time zone displacement out of range" }, 400, "invalid_input"],
    [{ code: "23505" }, 409, "conflict"],
    [{ code: "42501" }, 403, "forbidden"],
    [{ code: "42501" }, 401, "unauthenticated"],
    [{ code: "PGRST301" }, 401, "token_invalid"],
    [{ code: "XX000", message: "secret place /var/lib" }, 500, "internal"],
    [{ code: "PT418", message: "teapot" }, 418, "internal"],
  ])("%o with %i is %s", (error, status, code) => {
    const mapped = fromDatabase(error, status);
    expect(mapped.code).toBe(code);
    expect(problemBody(mapped, "r").detail).not.toContain("secret");
  });
});

describe("cursors", () => {
  test("a cursor gives its key back, and anything else is refused", () => {
    const id = "0192f3ab-0000-7000-8000-00000000a001";
    expect(decodeCursor(encodeCursor(["a_key", id]), [word, uuid])).toEqual(["a_key", id]);
    fc.assert(fc.property(fc.string(), (text) => {
      expect(() => decodeCursor(text, [word, uuid])).toThrow(expect.objectContaining({ code: "invalid_input" }));
    }));
    expect(() => decodeCursor(encodeCursor([id]), [word, uuid])).toThrow();
    expect(() => decodeCursor(encodeCursor(["x),or(a.eq.1", id]), [word, uuid])).toThrow();
  });
  test("the last page has no cursor", () => {
    expect(pageOf([1, 2, 3], 2, (row) => [String(row)])).toEqual({ items: [1, 2], next_cursor: encodeCursor(["2"]) });
    expect(pageOf([1, 2], 2, (row) => [String(row)]).next_cursor).toBeNull();
  });
  test("values cannot leave their quotes in a filter", () => {
    expect(quoted('a"b\\c,d')).toBe('"a\\"b\\\\c,d"');
    expect(beyond(["name", "id"], ['x"', "1"], "gt")).toBe('name.gt."x\\"",and(name.eq."x\\"",id.gt."1")');
  });
  test("a search for the beginning of a run id is a range of ids", () => {
    expect(searchFilter("0192F3ab")).toContain("and(run_id.gte.0192f3ab-0000-0000-0000-000000000000,run_id.lte.0192f3ab-ffff-ffff-ffff-ffffffffffff)");
    expect(searchFilter("50%")).toBe('spec_slug.ilike."%50\\\\%%",error_message.ilike."%50\\\\%%"');
  });
});

describe("ranges", () => {
  test.each([
    ["bytes=0-0", { start: 0, end: 0 }],
    ["bytes=5-", { start: 5, end: 9 }],
    ["bytes=-3", { start: 7, end: 9 }],
    ["bytes=-30", { start: 0, end: 9 }],
    ["bytes=8-99", { start: 8, end: 9 }],
    ["bytes=1-2,4-5", null],
    ["bytes=5-2", null],
    ["items=0-1", null],
    ["bytes=-", null],
    [null, null],
  ])("%s of ten bytes is %o", (header, range) => expect(parseRange(header, 10)).toEqual(range));
  test.each(["bytes=10-", "bytes=-0"])("%s of ten bytes cannot be satisfied", (header) => {
    expect(() => parseRange(header, 10)).toThrow(expect.objectContaining({ code: "range_not_satisfiable" }));
  });
});

test("a receipt is the nested hash that SQL computes", () => {
  const key = "ab".repeat(32);
  const inner = createHash("sha256").update(Buffer.concat([Buffer.from(key, "hex"), Buffer.from("e:s:1")])).digest();
  expect(storageReceipt(key, { environment_id: "e", sha256: "s", byte_size: "1" })).toBe(createHash("sha256").update(Buffer.concat([Buffer.from(key, "hex"), inner])).digest("hex"));
});

test("an event is one Server-Sent Event, whatever its text holds", () => {
  const text = sseEvent({ seq: 7, event_id: "0192f3ab-0000-7000-8000-00000000a001", type: "PHASE_PROGRESS", level: "info", phase: null, message: "a\nb\r\n\u2028", data: {}, created_at: "2026-11-22T00:00:00Z" });
  expect(text.split("\n")).toHaveLength(5);
  expect(text).toMatch(/^id: 7\nevent: run_event\ndata: \{[^\r\n]*\}\n\n$/);
});

describe("comparing runs", () => {
  const phase = (name: string, output_sha256: string | null, status: Outputs["phases"][number]["status"] = "succeeded") => ({ name, status, output_sha256 });
  const artifact = (name: string, sha256: string, kind: Outputs["artifacts"][number]["kind"] = "dataset", of = "load") => ({ phase: of, name, kind, sha256 });
  const base: Outputs = { phases: [phase("load", "a"), phase("check", null)], artifacts: [artifact("t", "1"), artifact("load.log", "x", "log")] };
  const verdict = (change: Partial<Outputs>): string => compareOutputs(base, { ...base, ...change }).verdict;

  test("equal hashes are equal, and logs never count", () => {
    expect(verdict({ artifacts: [artifact("t", "1"), artifact("load.log", "y", "log")] })).toBe("equal");
  });
  test("another hash, or one more output, differs", () => {
    expect(verdict({ phases: [phase("load", "b"), phase("check", null)] })).toBe("differs");
    expect(verdict({ artifacts: [artifact("t", "2")] })).toBe("differs");
    expect(verdict({ artifacts: [artifact("t", "1"), artifact("u", "1")] })).toBe("differs");
    expect(compareOutputs(base, { ...base, artifacts: [] }).artifacts).toEqual([{ phase: "load", name: "t", a_sha256: "1", b_sha256: null, verdict: "only_a" }]);
  });
  test("what is not finished, or was reused, proves nothing", () => {
    for (const status of ["pending", "running", "failed", "reused"] as const) expect(verdict({ phases: [phase("load", "a", status), phase("check", null)] })).toBe("unknown");
    expect(compareOutputs({ phases: [], artifacts: [] }, { phases: [], artifacts: [] }).verdict).toBe("unknown");
  });
  test("a phase that a verification skips counts neither way", () => {
    const published: Outputs = { phases: [...base.phases, phase("publish", "p")], artifacts: [...base.artifacts, artifact("gold", "g", "dataset", "publish")] };
    const verified: Outputs = { phases: [...base.phases, phase("publish", null, "skipped")], artifacts: base.artifacts };
    expect(compareOutputs(published, verified).verdict).toBe("equal");
  });
});

describe("previews", () => {
  test("decimals keep every digit", () => {
    expect([decimalText(1234n, 2), decimalText(-5n, 2), decimalText(0n, 0), decimalText(-12345678901234567890n, 4)]).toEqual(["12.34", "-0.05", "0", "-1234567890123456.7890"]);
  });
  test("quoted fields hold commas, quotes and line breaks", () => {
    expect(csvRecords('a,b\r\n"x, ""y""\nz",\n\n1,2', 10)).toEqual([["a", "b"], ['x, "y"\nz', ""], ["1", "2"]]);
    expect(csvRecords("a\nb\nc", 2)).toEqual([["a"], ["b"]]);
  });
  test("lines of objects become a table, other lines do not", () => {
    expect(ndjsonTable('{"a":1}\n{"b":"x","a":null}\n', 5)).toEqual({ columns: ["a", "b"], rows: [["1", null], [null, "x"]] });
    expect(ndjsonTable("[1]\n", 5)).toBeNull();
    expect(ndjsonTable("oops\n", 5)).toBeNull();
    expect(ndjsonTable(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n`, 5)).toBeNull();
  });
  test("a row has no more columns than people look at", () => {
    expect(csvRecords(`${",".repeat(250_000)}\n1,2\n`, 10).map((record) => record.length)).toEqual([mostColumns, 2]);
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, nth) => [`c${nth}`, nth])));
    expect(ndjsonTable(wide, 5)?.rows.map((row) => row.length)).toEqual([mostColumns]);
  });
  test("JSON is indented, unless its nesting would make much of little", () => {
    const value = { a: [1, { b: "x\\\"[{,:" }], c: {}, d: [] };
    expect(indentedJson(JSON.stringify(value), 1000)).toBe(JSON.stringify(value, null, 2));
    expect(indentedJson("oops", 1000)).toBeNull();
    const nested = (depth: number, times: number): string => `[${Array.from({ length: times }, () => "[".repeat(depth) + "]".repeat(depth)).join(",")}]`;
    expect(indentedJson(nested(20, 1), 2_000_000)).toHaveLength(JSON.stringify(JSON.parse(nested(20, 1)), null, 2).length);
    const before = process.memoryUsage().heapUsed;
    expect(indentedJson(nested(3000, 20), 2_000_000)).toBeNull();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
  });
});
