import type { BulkJob } from "@/contracts/bulk";
import { formatCount } from "@/lib/format";

export type BulkVerb = BulkJob["verb"];

/** "1 run", "1,234 runs". */
export function runsWord(count: number): string {
  return count === 1 ? "1 run" : `${formatCount(count)} runs`;
}

const past: Record<BulkVerb, string> = { cancel: "canceled", retry: "started again" };

/** One true sentence of what a job did: "18 canceled, 2 had already ended". */
export function outcomeWords({ verb, done, skipped, refused, status }: Pick<BulkJob, "verb" | "done" | "skipped" | "refused" | "status">): string {
  const parts = [`${formatCount(done)} ${past[verb]}`];
  if (skipped > 0) parts.push(`${formatCount(skipped)} ${status === "aborted" ? "left alone" : verb === "cancel" ? "had already ended" : "had changed meanwhile"}`);
  if (refused > 0) parts.push(`${formatCount(refused)} refused`);
  return `${parts.join(", ")}.`;
}
