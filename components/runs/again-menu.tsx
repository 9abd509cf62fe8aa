"use client";

import { Link } from "@/components/common/link";
import { DropdownMenuItem, DropdownMenuSeparator, TakenMenu } from "@/components/ui/dropdown-menu";
import type { Taken } from "@/components/ui/on-demand";
import type { Run } from "@/contracts/run";

/** `parameters`: where the run can be started with others; null without a pipeline. */
export type AgainMenuProps = Taken & { run: Run; parameters: string | null; onAgain: (mode: "all" | "failed" | "verify") => void; onRepair: () => void };

export function AgainMenu({ run, parameters, onAgain, onRepair, ...taken }: AgainMenuProps) {
  return (
    <TakenMenu align="end" {...taken}>
      <DropdownMenuItem onSelect={() => onAgain("all")}>With the same inputs</DropdownMenuItem>
      <DropdownMenuItem disabled={run.status === "succeeded"} onSelect={() => onAgain("failed")}>From the failed phase</DropdownMenuItem>
      <DropdownMenuItem onSelect={onRepair}>Repair…</DropdownMenuItem>
      <DropdownMenuItem disabled={run.status !== "succeeded"} onSelect={() => onAgain("verify")}>Verify: run isolated, publish nothing</DropdownMenuItem>
      {parameters ? (
        <>
          <DropdownMenuSeparator />
          <DropdownMenuItem asChild>
            <Link href={parameters}>With other parameters…</Link>
          </DropdownMenuItem>
        </>
      ) : null}
    </TakenMenu>
  );
}
