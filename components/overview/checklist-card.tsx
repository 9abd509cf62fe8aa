"use client";

import { ArrowRight, Circle, CircleCheck, X } from "lucide-react";
import { Link } from "@/components/common/link";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { type Checklist, type ChecklistStep, checklistSteps } from "@/contracts/checklist";
import { cn } from "@/lib/cn";
import type { Outcome } from "@/lib/ops/attempt";

const words: Record<ChecklistStep, { title: string; hint: string; href: `/${string}` }> = {
  source: { title: "Connect a source", hint: "A connection, or a first bronze table.", href: "/connections" },
  executor: { title: "Start an executor", hint: "It has been heard of.", href: "/executors/new" },
  run: { title: "Run a pipeline", hint: "One run has succeeded.", href: "/pipelines" },
  gold: { title: "See a gold table", hint: "A pipeline has published one.", href: "/datasets?layer=gold" },
  schedule: { title: "Put it on the clock", hint: "A schedule exists.", href: "/schedules/new" },
  member: { title: "Bring somebody in", hint: "A second member, or an invitation.", href: "/members" },
};

/** What is left to do before the environment works for a team. Ticked by what the database holds; gone when all is there, or at a person's word. */
export function ChecklistCard({ checklist, dismiss }: { checklist: Checklist; dismiss: () => Promise<Outcome<unknown>> }) {
  const { pending, act } = useAct();
  const done = checklistSteps.filter((step) => checklist.steps[step]).length;
  if (checklist.dismissed || done === checklistSteps.length) return null;
  const next = checklistSteps.find((step) => !checklist.steps[step]);
  return (
    <section aria-label="First steps" className="grid gap-2 rounded-md border p-3">
      <div className="flex items-center justify-between gap-2">
        <h2 className="font-semibold">First steps <span className="font-normal text-muted-foreground tabular-nums">{done} of {checklistSteps.length}</span></h2>
        <Button variant="ghost" size="sm" disabled={pending} onClick={() => act(dismiss)}><X aria-hidden />Hide for me</Button>
      </div>
      <ol className="grid gap-x-4 gap-y-1 sm:grid-cols-2 xl:grid-cols-3">
        {checklistSteps.map((step) => {
          const { title, hint, href } = words[step];
          const ticked = checklist.steps[step];
          const Icon = ticked ? CircleCheck : Circle;
          return (
            <li key={step} data-step={step} data-done={ticked}>
              <Link href={href} className={cn("group flex min-h-9 items-center gap-2 rounded-sm px-1.5 hover:bg-accent", step === next && "font-medium")}>
                <Icon className={cn("size-4 shrink-0", ticked ? "text-succeeded" : "text-muted-foreground")} aria-hidden />
                <span className={cn("shrink-0", ticked && "text-muted-foreground")}>{title}<span className="sr-only">{ticked ? ", done" : ", to do"}</span></span>
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
