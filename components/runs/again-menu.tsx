"use client";

import { Link } from "@/components/common/link";
import { DropdownMenuItem, DropdownMenuSeparator, TakenMenu } from "@/components/ui/dropdown-menu";
import type { Taken } from "@/components/ui/on-demand";
import type { Run } from "@/contracts/run";
import { words } from "@/lib/messages/run";

/** `parameters`: where the run can be started with others; null without a pipeline. */
export type AgainMenuProps = Taken & { run: Run; parameters: string | null; onAgain: (mode: "all" | "failed" | "verify") => void; onRepair: () => void };

export function AgainMenu({ run, parameters, onAgain, onRepair, ...taken }: AgainMenuProps) {
  return (
    <TakenMenu align="end" {...taken}>
      <DropdownMenuItem onSelect={() => onAgain("all")}>{words.againMenu.withTheSameInputs}</DropdownMenuItem>
      <DropdownMenuItem disabled={run.status === "succeeded"} onSelect={() => onAgain("failed")}>{words.againMenu.fromTheFailedPhase}</DropdownMenuItem>
      <DropdownMenuItem onSelect={onRepair}>{words.againMenu.repair}</DropdownMenuItem>
      <DropdownMenuItem disabled={run.status !== "succeeded"} onSelect={() => onAgain("verify")}>{words.againMenu.verifyRunIsolatedPublishNothing}</DropdownMenuItem>
      {parameters ? (
        <>
          <DropdownMenuSeparator />
          <DropdownMenuItem asChild>
            <Link href={parameters}>{words.againMenu.withOtherParameters}</Link>
          </DropdownMenuItem>
        </>
      ) : null}
    </TakenMenu>
  );
}
