import { CircleCheck, CircleX, CopyX, History, Hourglass, type LucideIcon, SkipForward } from "lucide-react";
import type { catchUps, fireOutcomes, overlapPolicies } from "@/contracts/schedule";
import type { clockChanges } from "@/contracts/cron";
import type { Choice } from "@/components/ui/choices";
import { words } from "@/lib/messages/schedules";

export type Overlap = (typeof overlapPolicies)[number];
export type CatchUp = (typeof catchUps)[number];
export type FireOutcome = (typeof fireOutcomes)[number];

/** What happens at a nominal time while the run before goes on. */
export const overlapChoices: readonly Choice<Overlap>[] = [
  { value: "skip", label: words.terms.skip, description: words.terms.thisTimeIsNotRun },
  { value: "buffer_one", label: words.terms.letOneWait, description: words.terms.letOneWaitDescription },
  { value: "buffer_all", label: words.terms.letAllWait, description: words.terms.letAllWaitDescription },
  { value: "cancel_other", label: words.terms.cancelTheOther, description: words.terms.cancelTheOtherDescription },
  { value: "terminate_other", label: words.terms.terminateTheOther, description: words.terms.terminateTheOtherDescription },
  { value: "allow_all", label: words.terms.runBesideIt, description: words.terms.itStartsWhateverElseIsOpen },
];
export const catchUpChoices: readonly Choice<CatchUp>[] = [
  { value: "none", label: words.terms.none, description: words.terms.noneDescription },
  { value: "latest", label: words.terms.theLatest, description: words.terms.theLatestDescription },
  { value: "all", label: words.terms.all, description: words.terms.allDescription },
];

export const outcomeWords: Record<FireOutcome, { word: string; description: string; icon: LucideIcon; tone: string }> = {
  started: { word: words.terms.started, description: words.terms.aRunWasMade, icon: CircleCheck, tone: "text-succeeded" },
  buffered: { word: words.terms.waiting, description: words.terms.waitingDescription, icon: Hourglass, tone: "text-queued" },
  skipped_overlap: { word: words.terms.skipped, description: words.terms.theRunBeforeHadNotEnded, icon: SkipForward, tone: "text-canceled" },
  superseded: { word: words.terms.superseded, description: words.terms.aLaterTimeTookItsPlace, icon: CopyX, tone: "text-canceled" },
  missed: { word: words.terms.missed, description: words.terms.itWasFoundTooLate, icon: History, tone: "text-warning" },
  dropped: { word: words.terms.dropped, description: words.terms.droppedDescription, icon: CircleX, tone: "text-canceled" },
};

export const clockChangeWords: Record<(typeof clockChanges)[number], string> = words.terms.clockChange;
