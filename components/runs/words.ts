import type { ExplainReason } from "@/contracts/explain";
import type { Run } from "@/contracts/run";
import { words } from "@/lib/messages/run-terms";

/** How a run came to be, in a word. */
export const triggerWords: Record<Run["trigger"], string> = words.trigger;

export const rangeWords = words.range;
export type RangeWord = keyof typeof rangeWords;
export const rangeMilliseconds: Record<RangeWord, number> = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000 };

/** What a run is called in lists and titles. */
export function runTitle(run: Pick<Run, "spec_slug">, titles: Readonly<Record<string, string>> = {}): string {
  return titles[run.spec_slug] ?? run.spec_slug;
}

/** The rule that holds a run back, in a word or three. */
export const ruleWords: Record<ExplainReason["rule"], string> = words.rule;
