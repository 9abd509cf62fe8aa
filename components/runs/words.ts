import type { ExplainReason } from "@/contracts/explain";
import type { Run } from "@/contracts/run";

/** How a run came to be, in a word. */
export const triggerWords: Record<Run["trigger"], string> = {
  manual: "Manual",
  api: "API",
  schedule: "Schedule",
  backfill: "Backfill",
  retry: "Run again",
  verify: "Verification",
  parent: "Parent run",
};

export const rangeWords = { "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days" } as const;
export type RangeWord = keyof typeof rangeWords;
export const rangeMilliseconds: Record<RangeWord, number> = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000 };

/** What a run is called in lists and titles. */
export function runTitle(run: Pick<Run, "spec_slug">, titles: Readonly<Record<string, string>> = {}): string {
  return titles[run.spec_slug] ?? run.spec_slug;
}

/** The rule that holds a run back, in a word or three. */
export const ruleWords: Record<ExplainReason["rule"], string> = {
  finished: "It is over",
  lease_held: "It is held",
  lease_expired: "Its lease ran out",
  cancel_requested: "To be canceled",
  stopping: "Being stopped",
  children: "Its child runs",
  expired: "It has expired",
  expires_at: "It expires",
  run_after: "Not before a time",
  backoff: "Waits to be retried",
  gate: "A limit at once",
  rate: "A limit on starts",
  cap: "A cap",
  executors: "No executor",
  fair_share: "Fair share",
  queue_position: "Its place",
  ready: "Ready",
};
