"use client";

import { ArrowRight, Circle, CircleCheck, X } from "lucide-react";
import { Link } from "@/components/common/link";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import type { Checklist, ChecklistStep } from "@/contracts/checklist";
import { checklistSteps } from "@/contracts/words";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/overview";
import type { Outcome } from "@/lib/ops/attempt";

const steps: Record<ChecklistStep, { title: string; hint: string; href: `/${string}` }> = {
  source: { title: words.checklistCard.connectASource, hint: words.checklistCard.connectASourceHint, href: "/connections" },
  executor: { title: words.checklistCard.startAnExecutor, hint: words.checklistCard.itHasBeenHeardOf, href: "/executors/new" },
  run: { title: words.checklistCard.runAPipeline, hint: words.checklistCard.oneRunHasSucceeded, href: "/pipelines" },
  gold: { title: words.checklistCard.seeAGoldTable, hint: words.checklistCard.aPipelineHasPublishedOne, href: "/datasets?layer=gold" },
  schedule: { title: words.checklistCard.putItOnTheClock, hint: words.checklistCard.aScheduleExists, href: "/schedules/new" },
  member: { title: words.checklistCard.bringSomebodyIn, hint: words.checklistCard.aSecondMemberOrAnInvitation, href: "/members" },
};

/** What is left to do before the environment works for a team. Ticked by what the database holds; gone when all is there, or at a person's word. */
export function ChecklistCard({ checklist, dismiss }: { checklist: Checklist; dismiss: () => Promise<Outcome<unknown>> }) {
  const { pending, act } = useAct();
  const done = checklistSteps.filter((step) => checklist.steps[step]).length;
  if (checklist.dismissed || done === checklistSteps.length) return null;
  const next = checklistSteps.find((step) => !checklist.steps[step]);
  return (
    <section aria-label={words.checklistCard.firstSteps} className="grid gap-2 rounded-md border p-3">
      <div className="flex items-center justify-between gap-2">
        <h2 className="font-semibold">{words.checklistCard.firstStepsHeading(<span className="font-normal text-muted-foreground tabular-nums">{words.checklistCard.of(done, checklistSteps.length)}</span>)}</h2>
        <Button variant="ghost" size="sm" disabled={pending} onClick={() => act(dismiss)}><X aria-hidden />{words.checklistCard.hideForMe}</Button>
      </div>
      <ol className="grid gap-x-4 gap-y-1 sm:grid-cols-2 xl:grid-cols-3">
        {checklistSteps.map((step) => {
          const { title, hint, href } = steps[step];
          const ticked = checklist.steps[step];
          const Icon = ticked ? CircleCheck : Circle;
          return (
            <li key={step} data-step={step} data-done={ticked}>
              <Link href={href} className={cn("group flex min-h-9 items-center gap-2 rounded-sm px-1.5 hover:bg-accent", step === next && "font-medium")}>
                <Icon className={cn("size-4 shrink-0", ticked ? "text-succeeded" : "text-muted-foreground")} aria-hidden />
                <span className={cn("shrink-0", ticked && "text-muted-foreground")}>{title}<span className="sr-only">{`, ${ticked ? words.checklistCard.done : words.checklistCard.toDo}`}</span></span>
                <span className="truncate text-xs font-normal text-muted-foreground max-sm:hidden">{hint}</span>
                {step === next ? <ArrowRight className="ms-auto size-4 shrink-0 text-link" aria-hidden /> : null}
              </Link>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
