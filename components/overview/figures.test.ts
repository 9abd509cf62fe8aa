import { expect, test } from "vitest";
import type { Overview } from "@/contracts/overview";
import { figuresOf } from "./figures";

const times = { runs: 4, p50: 2, p95: 9.5, wait_p50: 0.2 };
const nothing = { runs: 0, p50: null, p95: null, wait_p50: null };
const busy: Overview = {
  steps: [{ starts_at: "2026-11-28T05:00:00Z", runs: { succeeded: 3, failed: 1 } }, { starts_at: "2026-11-28T06:00:00Z", runs: { succeeded: 4, running: 2 } }],
  before: { succeeded: 5, failed: 5 }, times, times_before: { ...times, p50: 3, wait_p50: 40 }, failing: [],
};
const by = (overview: Overview) => Object.fromEntries(figuresOf(overview).map((figure) => [figure.name, figure]));

test("figures are of all steps, and say how they differ from the time before and whether that is good", () => {
  const found = by(busy);
  expect(found["Runs"]).toMatchObject({ value: "10", change: "same" });
  expect(found["Success rate"]).toMatchObject({ value: "87.5 %", change: { up: true, text: "37.5 points higher", good: true } });
  expect(found["Failed"]).toMatchObject({ value: "1", alarming: true, change: { up: false, text: "4 fewer", good: true } });
  expect(found["Duration p50"]).toMatchObject({ value: "2.0 s", change: { up: false, text: "1.0 s faster", good: true } });
  expect(found["Duration p95"]?.change).toBe("same");
  expect(found["Wait for start p50"]).toMatchObject({ value: "200 ms", alarming: false });
});

test("what nothing tells is a dash and no change, never 0", () => {
  const found = by({ ...busy, steps: [{ starts_at: "2026-11-28T05:00:00Z", runs: { queued: 1 } }], times: nothing });
  expect(found["Success rate"]).toMatchObject({ value: "—", change: null });
  expect(found["Duration p95"]).toMatchObject({ value: "—", change: null });
  expect(found["Failed"]).toMatchObject({ value: "0", alarming: false });
});
