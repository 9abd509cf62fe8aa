"use client";

import { useQuery } from "@tanstack/react-query";
import { Loader } from "lucide-react";
import { useState, useTransition } from "react";
import { newKey } from "@/components/common/new-key";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter, AlertDialogHeader, AlertDialogTitle } from "@/components/ui/alert-dialog-parts";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import type { BulkJob } from "@/contracts/bulk";
import { words } from "@/lib/messages/runs";
import type { Refusal } from "@/lib/ops/attempt";
import { type BulkVerb, runsWord } from "./bulk-words";
import type { BulkActionSet } from "./use-bulk";

type BulkDialogProps = {
  verb: BulkVerb;
  /** Null: all that fit the filters. */
  selectedCount: number | null;
  filterOf: () => unknown;
  actions: BulkActionSet;
  onClose: () => void;
  onStarted: (job: BulkJob) => void;
};

const modes = words.bulkDialog.modes;
const noAnswer: { ok: false; refusal: Refusal } = { ok: false, refusal: { code: "internal", message: words.bulkDialog.theControlRoomDidNotAnswer, remedy: words.bulkDialog.lookAtTheListBefore, errors: [], request_id: null } };

/** Counts first, on the server, on how many runs the verb can act; then asks once, naming that number. */
export function BulkDialog({ verb, selectedCount, filterOf, actions, onClose, onStarted }: BulkDialogProps) {
  const [mode, setMode] = useState<keyof typeof modes>("all");
  const [reason, setReason] = useState("");
  const [failure, setFailure] = useState<Refusal | null>(null);
  const [pending, start] = useTransition();
  // One filter from the count to the deed, and one key for one intention.
  const [filter] = useState(filterOf);
  const [key] = useState(newKey);
  const request = verb === "cancel" ? { filter, verb, reason: reason.trim() || undefined } : { filter, verb, mode };
  const { data: counted } = useQuery({ queryKey: ["bulk-count", key, mode], queryFn: () => actions.count(request).catch(() => noAnswer), staleTime: Number.POSITIVE_INFINITY, gcTime: 0 });
  const total = counted?.ok ? counted.value : null;
  const refusal = failure ?? (counted === undefined || counted.ok ? null : counted.refusal);
  const confirm = () =>
    start(async () => {
      const outcome = await actions.create(request, key).catch(() => noAnswer);
      if (outcome.ok) onStarted(outcome.value);
      else setFailure(outcome.refusal);
    });
  const meant = selectedCount === null ? words.bulkDialog.thatFitTheFilters : words.bulkDialog.ofThoseThatYouSelected(runsWord(selectedCount));
  return (
    <AlertDialog open onOpenChange={(open) => !open && onClose()}>
      <AlertDialogContent>
        <AlertDialogHeader>
          <AlertDialogTitle>{total === null ? words.bulkDialog.askUncounted[verb] : words.bulkDialog.ask[verb](runsWord(total))}</AlertDialogTitle>
          <AlertDialogDescription>
            {total === null ? (
              refusal === null ? <span className="inline-flex items-center gap-2"><Loader className="size-4 animate-spin motion-reduce:animate-none" aria-hidden />{words.bulkDialog.countingTheRuns}</span> : words.bulkDialog.nothingWasDone
            ) : verb === "cancel" ? (
              words.bulkDialog.canBeCanceled(runsWord(total), meant)
            ) : (
              mode === "failed" ? words.bulkDialog.canGoOn(runsWord(total), meant) : words.bulkDialog.canBeRunAgain(runsWord(total), meant)
            )}
          </AlertDialogDescription>
        </AlertDialogHeader>
        {refusal === null ? null : <Alert variant="failed" role="alert"><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert>}
        {verb === "cancel" ? (
          <Field id="bulk-reason" label={words.bulkDialog.reason} description={words.bulkDialog.reasonDescription}>
            <Input {...fieldControl("bulk-reason", { description: true })} value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          </Field>
        ) : (
          <Field id="bulk-mode" label={words.bulkDialog.whatRuns}>
            <Select value={mode} onValueChange={(value) => setMode(value as keyof typeof modes)}>
              <SelectTrigger id="bulk-mode"><SelectValue /></SelectTrigger>
              <SelectContent>{Object.entries(modes).map(([value, text]) => <SelectItem key={value} value={value}>{text}</SelectItem>)}</SelectContent>
            </Select>
          </Field>
        )}
        <AlertDialogFooter>
          <AlertDialogCancel disabled={pending}>{words.bulkDialog.keepThem}</AlertDialogCancel>
          <Button variant={verb === "cancel" ? "destructive" : "default"} disabled={pending || !total} onClick={confirm}>
            {pending ? words.bulkDialog.starting : total === null ? words.bulkDialog.confirmUncounted[verb] : words.bulkDialog.confirm[verb](runsWord(total))}
          </Button>
        </AlertDialogFooter>
      </AlertDialogContent>
    </AlertDialog>
  );
}
