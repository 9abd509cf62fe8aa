import { expect, test } from "vitest";
import type { QualityResult, QualityVerdict } from "../../contracts/quality.ts";
import { newestOfEachCheck } from "./quality-history.ts";

const result = (label: string, verdict: QualityVerdict, id: number): QualityResult => ({
  result_id: String(id), environment_id: "e", run_id: "r", phase: "check", position: 1, dataset: "silver.t", check: "unique", label, severity: "warn", verdict, wrong: "0", seen: "1", facts: {}, created_at: "2026-01-01T00:00:00Z",
});

test("each check shows its newest result and its last ten, what found something first", () => {
  const many = Array.from({ length: 12 }, (_, index) => result("b", "pass", 100 - index));
  const shown = newestOfEachCheck([...many, result("c", "warn", 50), result("a", "pass", 49), result("c", "pass", 48)]);
  expect(shown.map(({ newest }) => newest.label)).toEqual(["c", "a", "b"]);
  expect(shown[0]!.history.map(({ verdict }) => verdict)).toEqual(["pass", "warn"]);
  expect(shown[2]!.history.map(({ result_id }) => result_id)).toEqual(["91", "92", "93", "94", "95", "96", "97", "98", "99", "100"]);
});
