"use client";

import { Ban, ChevronDown, Copy, GitCompareArrows, Loader, RotateCw } from "lucide-react";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { useRouter } from "next/navigation";
import { useState, useTransition } from "react";
import { toast } from "sonner";
import { useQueryClient } from "@tanstack/react-query";
import { newKey } from "@/components/common/new-key";
import { useShortcut } from "@/components/shell/shortcuts";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter, AlertDialogHeader, AlertDialogTitle } from "@/components/ui/alert-dialog";
import { roleNeeded } from "@/components/common/needs-role";
import { Button } from "@/components/ui/button";
import { DropdownMenu, DropdownMenuContent, DropdownMenuItem, DropdownMenuSeparator, DropdownMenuTrigger } from "@/components/ui/dropdown-menu";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import { isTerminal, type Run, type RunPhase } from "@/contracts/run";
import { messages } from "@/lib/messages";
import type { Outcome } from "@/lib/ops/attempt";
import { type Repair, RepairDialog } from "./repair-dialog";

export type RunActionSet = {
  retry: (runId: string, mode: "all" | "failed" | "verify", key: string, definition?: "pinned" | "current") => Promise<Outcome<{ run_id: string }>>;
  cancel: (runId: string, reason: string) => Promise<Outcome<Run>>;
};
type RunActionsProps = { run: Run; phases: RunPhase[]; baselineId: string | null; canOperate: boolean; actions: RunActionSet };

export function RunActions({ run, phases, baselineId, canOperate, actions }: RunActionsProps) {
  const over = isTerminal(run.status);
  return (
    <>
      <CopyMenu run={run} />
      {baselineId ? (
        <Button asChild variant="outline">
          <Link href={`/runs/compare?a=${baselineId}&b=${run.run_id}`}>
            <GitCompareArrows aria-hidden />
            Compare
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
      if (outcome === null) toast.error("The control room did not answer. Nothing was started, or it appears in the list of runs.");
      else if (!outcome.ok) toast.error(`${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
      else {
        keys[mode] = newKey();
        router.push(inEnvironment(`/runs/${outcome.value.run_id}`));
      }
    });
  useShortcut({ keys: ["r"], label: "Run again", enabled: canOperate && !pending, run: () => again("all") });
  const parameters = run.template_key === null ? null : `/pipelines/${run.template_key}/run?params=${encodeURIComponent(JSON.stringify(run.parameters))}`;
  return (
    <div className="flex">
      <Tooltip content={canOperate ? null : roleNeeded("operator")}>
        <Button className="rounded-e-none" disabled={pending} aria-disabled={!canOperate} onClick={() => canOperate && again("all")}>
          {pending ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : <RotateCw aria-hidden />}
          {pending ? "Starting…" : "Run again"}
        </Button>
      </Tooltip>
      <DropdownMenu>
        <DropdownMenuTrigger asChild>
          <Button size="icon" className="rounded-s-none border-s border-primary-foreground/30" disabled={pending || !canOperate} aria-label="More ways to run again">
            <ChevronDown aria-hidden />
          </Button>
        </DropdownMenuTrigger>
        <DropdownMenuContent align="end">
          <DropdownMenuItem onSelect={() => again("all")}>With the same inputs</DropdownMenuItem>
          <DropdownMenuItem disabled={run.status === "succeeded"} onSelect={() => again("failed")}>From the failed phase</DropdownMenuItem>
          <DropdownMenuItem onSelect={() => setRepairing(true)}>Repair…</DropdownMenuItem>
          <DropdownMenuItem disabled={run.status !== "succeeded"} onSelect={() => again("verify")}>Verify: run isolated, publish nothing</DropdownMenuItem>
          {parameters ? (
            <>
              <DropdownMenuSeparator />
              <DropdownMenuItem asChild>
                <Link href={parameters}>With other parameters…</Link>
              </DropdownMenuItem>
            </>
          ) : null}
        </DropdownMenuContent>
      </DropdownMenu>
      <RepairDialog run={run} phases={phases} open={repairing} pending={pending} onOpenChange={setRepairing} onRepair={({ mode, definition }) => again(mode, definition)} />
    </div>
  );
}

function CancelRun({ run, canOperate, cancel }: { run: Run; canOperate: boolean; cancel: RunActionSet["cancel"] }) {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const [pending, start] = useTransition();
  const asked = run.cancel_requested_at !== null;
  useShortcut({ keys: ["c"], label: "Cancel the run", enabled: canOperate && !asked, run: () => setOpen(true) });
  const confirm = () =>
    start(async () => {
      const outcome = await cancel(run.run_id, reason).catch(() => null);
      setOpen(false);
      if (outcome === null) toast.error("The control room did not answer. Look at the status before trying again.");
      else if (!outcome.ok) toast.error(`${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
      else client.setQueryData(["run", run.run_id], outcome.value);
      await client.invalidateQueries({ queryKey: ["run", run.run_id] });
    });
  return (
    <>
      <Tooltip content={canOperate ? null : roleNeeded("operator")}>
        <Button variant="outline" disabled={asked} aria-disabled={!canOperate} onClick={() => canOperate && setOpen(true)}>
          {asked ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : <Ban aria-hidden />}
          {asked ? "Canceling…" : "Cancel"}
        </Button>
      </Tooltip>
      <AlertDialog open={open} onOpenChange={setOpen}>
        <AlertDialogContent>
          <AlertDialogHeader>
            <AlertDialogTitle>Cancel this run?</AlertDialogTitle>
            <AlertDialogDescription>
              {run.status === "queued" ? "It leaves the queue at once and will not start." : "Its executor is told to stop. Phases that have finished keep their artifacts; nothing more is published."}
            </AlertDialogDescription>
          </AlertDialogHeader>
          <Field id="cancel-reason" label="Reason" description="Kept with the run; may be left empty.">
            <Input {...fieldControl("cancel-reason", { description: true })} value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          </Field>
          <AlertDialogFooter>
            <AlertDialogCancel disabled={pending}>Keep it</AlertDialogCancel>
            <Button variant="destructive" disabled={pending} onClick={confirm}>
              {pending ? "Canceling…" : "Cancel the run"}
            </Button>
          </AlertDialogFooter>
        </AlertDialogContent>
      </AlertDialog>
    </>
  );
}

function CopyMenu({ run }: { run: Run }) {
  const copy = async (text: string, what: string) => {
    try {
      await navigator.clipboard.writeText(text);
      toast.success(`Copied ${what}`);
    } catch {
      toast.error(messages.action.copyFailed);
    }
  };
  const curl = () => `curl -sS -X POST '${location.origin}/api/v1/runs/${run.run_id}/retry' \\\n  -H "Authorization: Bearer $CONTROL_ROOM_TOKEN" \\\n  -H 'Content-Type: application/json' -d '{"mode":"all"}'`;
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="ghost">
          <Copy aria-hidden />
          Copy
          <ChevronDown aria-hidden />
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        <DropdownMenuItem onSelect={() => void copy(location.href, "the link")}>Link</DropdownMenuItem>
        <DropdownMenuItem onSelect={() => void copy(run.run_id, "the id")}>Run id</DropdownMenuItem>
        <DropdownMenuItem onSelect={() => void copy(curl(), "the cURL command")}>cURL: run again</DropdownMenuItem>
        <DropdownMenuItem onSelect={() => void copy(`npx control-room run watch ${run.run_id}`, "the command")}>Command line: watch</DropdownMenuItem>
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
