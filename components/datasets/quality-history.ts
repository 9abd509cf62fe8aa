import type { QualityResult } from "@/contracts/quality.ts";

const runsShown = 10;

/** Results (newest first) by check: the newest, and the last ten with the oldest first. Checks that found something come first, then by name. */
export function newestOfEachCheck(results: QualityResult[]): { newest: QualityResult; history: QualityResult[] }[] {
  const byCheck = new Map<string, QualityResult[]>();
  for (const result of results) byCheck.set(result.label, [...(byCheck.get(result.label) ?? []), result]);
  const checks = [...byCheck.values()].map((all) => ({ newest: all[0]!, history: all.slice(0, runsShown).toReversed() }));
  return checks.toSorted((a, b) => Number(a.newest.verdict === "pass") - Number(b.newest.verdict === "pass") || (a.newest.label < b.newest.label ? -1 : 1));
}
