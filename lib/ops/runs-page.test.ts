import { describe, expect, it } from "vitest";
import type { RunEvent } from "@/contracts/event.ts";
import type { Run } from "@/contracts/run.ts";
import { changedInputs, historyOf } from "./runs-page.ts";

const run = (change: Partial<Run>) => ({ spec_sha256: "a".repeat(64), parameters: {}, input_manifest: null, ...change }) as Run;
const reads = (content: string) => ({ datasets: { "silver.partners": { version: 1, content_sha256: content } }, sources: {} });

describe("what went into two runs", () => {
  it("is the same whatever the order of the parameters", () => {
    expect(changedInputs(run({ parameters: { a: 1, b: 2 } }), run({ parameters: { b: 2, a: 1 } }))).toEqual([]);
  });
  it("is the same where another version of a dataset has the same content", () => {
    expect(changedInputs(run({ input_manifest: reads("x") }), run({ input_manifest: { datasets: { "silver.partners": { version: 2, content_sha256: "x" } } } }))).toEqual([]);
  });
  it("names the spec, the parameters and the inputs", () => {
    expect(changedInputs(run({ input_manifest: reads("x") }), run({ spec_sha256: "b".repeat(64), parameters: { a: 1 }, input_manifest: reads("y") }))).toEqual(["the spec", "the parameters", "the inputs"]);
  });
});

describe("the history that a page begins with", () => {
  const events = (count: number) => Array.from({ length: count }, (_, index) => ({ seq: index + 1 }) as RunEvent);

  it("leaves to the stream what came between its two readings, so that no event is skipped", () => {
    expect(historyOf(events(3), 5, 200)).toMatchObject({ more: false, last_seq: 3 });
  });
  it("says where there is more than its first page, and the stream goes on after the newest", () => {
    expect(historyOf(events(200), 950, 200)).toMatchObject({ more: true, last_seq: 950 });
  });
  it("of a run without events begins at nothing", () => {
    expect(historyOf([], 0, 200)).toMatchObject({ more: false, last_seq: 0 });
  });
});
