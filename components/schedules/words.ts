import { CircleCheck, CircleX, CopyX, History, Hourglass, type LucideIcon, SkipForward } from "lucide-react";
import type { catchUps, fireOutcomes, overlapPolicies } from "@/contracts/schedule";
import type { clockChanges } from "@/contracts/cron";
import type { Choice } from "@/components/ui/choices";

export type Overlap = (typeof overlapPolicies)[number];
export type CatchUp = (typeof catchUps)[number];
export type FireOutcome = (typeof fireOutcomes)[number];

/** What happens at a nominal time while the run before goes on. */
export const overlapChoices: readonly Choice<Overlap>[] = [
  { value: "skip", label: "Skip", description: "This time is not run." },
  { value: "buffer_one", label: "Let one wait", description: "The next time waits until the open run has ended; further ones are skipped." },
  { value: "buffer_all", label: "Let all wait", description: "Every time waits, and they start one after the other. At most 1,000 wait." },
  { value: "cancel_other", label: "Cancel the other", description: "The open run is asked to end; when it has, the newest time starts." },
  { value: "terminate_other", label: "Terminate the other", description: "The open run ends at once: its executor loses the lease, and what it still writes is refused." },
  { value: "allow_all", label: "Run beside it", description: "It starts whatever else is open." },
];
export const catchUpChoices: readonly Choice<CatchUp>[] = [
  { value: "none", label: "None", description: "A time that is found late is recorded as missed." },
  { value: "latest", label: "The latest", description: "Of the late times only the last one runs." },
  { value: "all", label: "All", description: "Every late time runs that lies within the window below." },
];

export const outcomeWords: Record<FireOutcome, { word: string; description: string; icon: LucideIcon; tone: string }> = {
  started: { word: "Started", description: "A run was made.", icon: CircleCheck, tone: "text-succeeded" },
  buffered: { word: "Waiting", description: "It waits for the end of the run before.", icon: Hourglass, tone: "text-queued" },
  skipped_overlap: { word: "Skipped", description: "The run before had not ended.", icon: SkipForward, tone: "text-canceled" },
  superseded: { word: "Superseded", description: "A later time took its place.", icon: CopyX, tone: "text-canceled" },
  missed: { word: "Missed", description: "It was found too late.", icon: History, tone: "text-warning" },
  dropped: { word: "Dropped", description: "The schedule was deleted while it waited.", icon: CircleX, tone: "text-canceled" },
};

export const clockChangeWords: Record<(typeof clockChanges)[number], string> = {
  gap: "The clock jumps over this time: it runs at the first moment after.",
  fold: "The clock comes to this time twice.",
};
