"use client";

import { useQueryClient } from "@tanstack/react-query";
import { Ban, Loader } from "lucide-react";
import { useState, useTransition } from "react";
import { roleNeeded } from "@/components/common/needs-role";
import { useShortcut } from "@/components/shell/shortcuts";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter, AlertDialogHeader, AlertDialogTitle } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { toast } from "@/components/ui/toast";
import { Tooltip } from "@/components/ui/tooltip";
import type { Run } from "@/contracts/run";
import { words } from "@/lib/messages/run";
import type { RunActionSet } from "./run-actions";

export function CancelRun({ run, canOperate, cancel }: { run: Run; canOperate: boolean; cancel: RunActionSet["cancel"] }) {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const [pending, start] = useTransition();
  const asked = run.cancel_requested_at !== null;
  useShortcut({ keys: ["c"], label: words.cancelRun.cancelTheRun, enabled: canOperate && !asked, run: () => setOpen(true) });
  const confirm = () =>
    start(async () => {
      const outcome = await cancel(run.run_id, reason).catch(() => null);
      setOpen(false);
      if (outcome === null) toast.error(words.cancelRun.theControlRoomDidNot);
      else if (!outcome.ok) toast.error(`${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
      else client.setQueryData(["run", run.run_id], outcome.value);
      await client.invalidateQueries({ queryKey: ["run", run.run_id] });
    });
  return (
    <>
      <Tooltip content={canOperate ? null : roleNeeded("operator")}>
        <Button variant="outline" disabled={asked} aria-disabled={!canOperate} onClick={() => canOperate && setOpen(true)}>
          {asked ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : <Ban aria-hidden />}
          {asked ? words.cancelRun.canceling : words.cancelRun.cancel}
        </Button>
      </Tooltip>
      <AlertDialog open={open} onOpenChange={setOpen}>
        <AlertDialogContent>
          <AlertDialogHeader>
            <AlertDialogTitle>{words.cancelRun.cancelThisRun}</AlertDialogTitle>
            <AlertDialogDescription>
              {run.status === "queued" ? words.cancelRun.itLeavesTheQueue : words.cancelRun.itsExecutorIsTold}
            </AlertDialogDescription>
          </AlertDialogHeader>
          <Field id="cancel-reason" label={words.cancelRun.reason} description={words.cancelRun.reasonDescription}>
            <Input {...fieldControl("cancel-reason", { description: true })} value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          </Field>
          <AlertDialogFooter>
            <AlertDialogCancel disabled={pending}>{words.cancelRun.keepIt}</AlertDialogCancel>
            <Button variant="destructive" disabled={pending} onClick={confirm}>
              {pending ? words.cancelRun.canceling : words.cancelRun.cancelTheRun}
            </Button>
          </AlertDialogFooter>
        </AlertDialogContent>
      </AlertDialog>
    </>
  );
}
