"use client";

import { ChevronDown, Copy, GitCompareArrows, Loader, RotateCw } from "lucide-react";
import { Link, useEnvironmentHref } from "@/components/common/link";
import dynamic from "next/dynamic";
import { useRouter } from "next/navigation";
import { useState, useTransition } from "react";
import { newKey } from "@/components/common/new-key";
import { useShortcut } from "@/components/shell/shortcuts";
import { roleNeeded } from "@/components/common/needs-role";
import { Button } from "@/components/ui/button";
import { OnDemandButton, OnDemandDialog } from "@/components/ui/on-demand";
import { toast } from "@/components/ui/toast";
import { Tooltip } from "@/components/ui/tooltip";
import type { Run, RunPhase } from "@/contracts/run";
import { isTerminal } from "@/contracts/words";
import { words } from "@/lib/messages/run";
import type { Outcome } from "@/lib/ops/attempt";
import type { Repair } from "./repair-dialog";

// A run that is over, as most are, has no use for it.
const CancelRun = dynamic(() => import("./cancel-run").then((loaded) => loaded.CancelRun));
const loadCopyMenu = () => import("./copy-menu").then((loaded) => loaded.CopyMenu);
const loadAgainMenu = () => import("./again-menu").then((loaded) => loaded.AgainMenu);
const loadRepair = () => import("./repair-dialog").then((loaded) => loaded.RepairDialog);

export type RunActionSet = {
  retry: (runId: string, mode: "all" | "failed" | "verify", key: string, definition?: "pinned" | "current") => Promise<Outcome<{ run_id: string }>>;
  cancel: (runId: string, reason: string) => Promise<Outcome<Run>>;
};
type RunActionsProps = { run: Run; phases: RunPhase[]; baselineId: string | null; canOperate: boolean; actions: RunActionSet };

export function RunActions({ run, phases, baselineId, canOperate, actions }: RunActionsProps) {
  const over = isTerminal(run.status);
  return (
    <>
      <OnDemandButton load={loadCopyMenu} part={{ run }} popup="menu">
        <Button variant="ghost">
          <Copy aria-hidden />
          {words.runActions.copy}
          <ChevronDown aria-hidden />
        </Button>
      </OnDemandButton>
      {baselineId ? (
        <Button asChild variant="outline">
          <Link href={`/runs/compare?a=${baselineId}&b=${run.run_id}`}>
            <GitCompareArrows aria-hidden />
            {words.runActions.compare}
          </Link>
        </Button>
      ) : null}
      {over ? <RunAgain run={run} phases={phases} canOperate={canOperate} retry={actions.retry} /> : <CancelRun run={run} canOperate={canOperate} cancel={actions.cancel} />}
    </>
  );
}

function RunAgain({ run, phases, canOperate, retry }: { run: Run; phases: RunPhase[]; canOperate: boolean; retry: RunActionSet["retry"] }) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const [pending, start] = useTransition();
  // One key for one intention: a second click, or a repeat after a lost answer, gives the same run.
  const [keys] = useState(() => ({ all: newKey(), failed: newKey(), verify: newKey() }));
  const [repairing, setRepairing] = useState(false);
  const again = (mode: "all" | "failed" | "verify", definition: Repair["definition"] = "pinned") =>
    start(async () => {
      // The other definition is another intention.
      const outcome = await retry(run.run_id, mode, `${keys[mode]}:${definition}`, definition).catch(() => null);
      if (outcome === null) toast.error(words.runActions.theControlRoomDidNot);
      else if (!outcome.ok) toast.error(`${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
      else {
        keys[mode] = newKey();
        router.push(inEnvironment(`/runs/${outcome.value.run_id}`));
      }
    });
  useShortcut({ keys: ["r"], label: words.runActions.runAgain, enabled: canOperate && !pending, run: () => again("all") });
  const parameters = run.template_key === null ? null : `/pipelines/${run.template_key}/run?params=${encodeURIComponent(JSON.stringify(run.parameters))}`;
  return (
    <div className="flex">
      <Tooltip content={canOperate ? null : roleNeeded("operator")}>
        <Button className="rounded-e-none" disabled={pending} aria-disabled={!canOperate} onClick={() => canOperate && again("all")}>
          {pending ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : <RotateCw aria-hidden />}
          {pending ? words.runActions.starting : words.runActions.runAgain}
        </Button>
      </Tooltip>
      <OnDemandButton load={loadAgainMenu} part={{ run, parameters, onAgain: again, onRepair: () => setRepairing(true) }} popup="menu">
        <Button size="icon" className="rounded-s-none border-s border-primary-foreground/30" disabled={pending || !canOperate} aria-label={words.runActions.moreWaysToRunAgain}>
          <ChevronDown aria-hidden />
        </Button>
      </OnDemandButton>
      <OnDemandDialog load={loadRepair} dialog={{ run, phases, open: repairing, pending, onOpenChange: setRepairing, onRepair: ({ mode, definition }: Repair) => again(mode, definition) }} />
    </div>
  );
}
