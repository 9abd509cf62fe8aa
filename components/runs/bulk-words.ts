import type { BulkJob } from "@/contracts/bulk";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/runs";

export type BulkVerb = BulkJob["verb"];

/** "1 run", "1,234 runs". */
export function runsWord(count: number): string {
  return words.bulkWords.runs(count, formatCount(count));
}

/** One true sentence of what a job did: "18 canceled, 2 had already ended". */
export function outcomeWords({ verb, done, skipped, refused, status }: Pick<BulkJob, "verb" | "done" | "skipped" | "refused" | "status">): string {
  const { bulkWords: said } = words;
  const parts = [said.done[verb](formatCount(done))];
  if (skipped > 0) parts.push(said.skipped[status === "aborted" ? status : verb](formatCount(skipped)));
  if (refused > 0) parts.push(said.refused(formatCount(refused)));
  return said.outcome(parts);
}
