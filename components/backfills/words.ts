import { Ban, CircleCheck, CirclePause, Loader, type LucideIcon } from "lucide-react";
import type { Choice } from "@/components/ui/choices";
import type { Backfill, backfillStatuses, itemOutcomes, reprocessPolicies } from "@/contracts/backfill";
import type { partitionStates, partitionUnits } from "@/contracts/words";
import { words } from "@/lib/messages/backfills";

export const unitWords: Record<(typeof partitionUnits)[number], string> = words.terms.unit;
export const reprocessChoices: readonly Choice<(typeof reprocessPolicies)[number]>[] = [
  { value: "none", label: words.terms.onlyWhatNeverRan, description: words.terms.onlyWhatNeverRanDescription },
  { value: "missing_only", label: words.terms.whatIsMissing, description: words.terms.alsoThoseWhoseRunWasCanceled },
  { value: "missing_and_failed", label: words.terms.whatIsMissingOrFailed, description: words.terms.alsoThoseWhoseNewestRunFailed },
  { value: "all", label: words.terms.everything, description: words.terms.everythingDescription },
];
export const stateWords: Record<(typeof partitionStates)[number], string> = words.terms.state;
export const itemWords: Record<(typeof itemOutcomes)[number], string> = words.terms.item;
export const statusLooks: Record<(typeof backfillStatuses)[number], { word: string; icon: LucideIcon; variant: "default" | "accent" | "warning" | "succeeded" }> = {
  active: { word: words.terms.active, icon: Loader, variant: "accent" },
  paused: { word: words.terms.paused, icon: CirclePause, variant: "warning" },
  canceled: { word: words.terms.canceled, icon: Ban, variant: "default" },
  completed: { word: words.terms.completed, icon: CircleCheck, variant: "succeeded" },
};

/** What is done, whatever it came to. */
export function settled({ progress }: Pick<Backfill, "progress">): number {
  return progress.succeeded + progress.failed + progress.canceled + progress.skipped;
}
