"use client";

import { isTerminal } from "@/contracts/words";
import type { Run, RunComparison } from "@/contracts/run";
import { words } from "@/lib/messages/run-panels";
import type { RunActionSet } from "./run-actions";
import { VerdictTable } from "./verdict";
import { VerificationPanel } from "./verification-panel";

type VerdictPanelProps = { run: Run; comparison: RunComparison | null; hasBaseline: boolean; canOperate: boolean; retry: RunActionSet["retry"] };

/** Whether the run made what an earlier one made, and whether it would again. */
export function VerdictPanel({ run, comparison, hasBaseline, canOperate, retry }: VerdictPanelProps) {
  return (
    <>
      <VerificationPanel run={run} canOperate={canOperate} retry={retry} />
      {comparison ? (
        <div className="grid gap-3"><VerdictTable comparison={comparison} onlyDifferences={false} /></div>
      ) : (
        <p className="py-6 text-center text-pretty text-muted-foreground">
          {!hasBaseline ? words.verdictPanel.thereIsNoEarlierSucceeded : !isTerminal(run.status) ? words.verdictPanel.theOutputsAreComparedWhen : words.verdictPanel.onlyASucceededRunHas}
        </p>
      )}
    </>
  );
}
