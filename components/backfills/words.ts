import { Ban, CircleCheck, CirclePause, Loader, type LucideIcon } from "lucide-react";
import type { Choice } from "@/components/ui/choices";
import type { Backfill, backfillStatuses, itemOutcomes, partitionStates, partitionUnits, reprocessPolicies } from "@/contracts/backfill";

export const unitWords: Record<(typeof partitionUnits)[number], string> = { hour: "Hours", day: "Days", week: "Weeks, from Monday", month: "Months" };
export const reprocessChoices: readonly Choice<(typeof reprocessPolicies)[number]>[] = [
  { value: "none", label: "Only what never ran", description: "A partition that ever had a run is left alone." },
  { value: "missing_only", label: "What is missing", description: "Also those whose run was canceled." },
  { value: "missing_and_failed", label: "What is missing or failed", description: "Also those whose newest run failed." },
  { value: "all", label: "Everything", description: "Also what has succeeded. Never a partition whose run is under way." },
];
export const stateWords: Record<(typeof partitionStates)[number], string> = { missing: "never ran", active: "under way", succeeded: "succeeded", failed: "failed", canceled: "canceled" };
export const itemWords: Record<(typeof itemOutcomes)[number], string> = { pending: "Pending", started: "Started", skipped: "Skipped", canceled: "Canceled" };
export const statusLooks: Record<(typeof backfillStatuses)[number], { word: string; icon: LucideIcon; variant: "default" | "accent" | "warning" | "succeeded" }> = {
  active: { word: "Active", icon: Loader, variant: "accent" },
  paused: { word: "Paused", icon: CirclePause, variant: "warning" },
  canceled: { word: "Canceled", icon: Ban, variant: "default" },
  completed: { word: "Completed", icon: CircleCheck, variant: "succeeded" },
};

/** What is done, whatever it came to. */
export function settled({ progress }: Pick<Backfill, "progress">): number {
  return progress.succeeded + progress.failed + progress.canceled + progress.skipped;
}
