"use client";

import { CircleAlert } from "lucide-react";
import { type FormEvent, useState } from "react";
import { PhaseStatusBadge } from "@/components/common/status-badge";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Choices } from "@/components/ui/choices";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle } from "@/components/ui/dialog-parts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Run, RunPhase } from "@/contracts/run";
import { words } from "@/lib/messages/run-panels";

export type Repair = { mode: "all" | "failed"; definition: "pinned" | "current" };
type RepairDialogProps = { run: Run; phases: RunPhase[]; open: boolean; pending: boolean; onOpenChange: (open: boolean) => void; onRepair: (repair: Repair) => void };

/** What of the run to do again, with which definition, and what each phase would do. The run itself stays as it is: a new one points at it. */
export function RepairDialog({ run, phases, open, pending, onOpenChange, onRepair }: RepairDialogProps) {
  const [mode, setMode] = useState<Repair["mode"]>(run.status === "succeeded" ? "all" : "failed");
  const [definition, setDefinition] = useState<Repair["definition"]>("pinned");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onRepair({ mode, definition });
  };
  const keeps = (phase: RunPhase) => mode === "failed" && (phase.status === "succeeded" || phase.status === "reused");
  const again = phases.filter((phase) => !keeps(phase)).length;
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent className="max-w-xl">
        <form onSubmit={submit} className="contents">
          <DialogHeader>
            <DialogTitle>{words.repairDialog.repairThisRun}</DialogTitle>
            <DialogDescription>{words.repairDialog.aNewRun}</DialogDescription>
          </DialogHeader>
          <DialogBody className="grid gap-4">
            {run.status === "succeeded" ? <Alert><CircleAlert aria-hidden /><AlertDescription>{words.repairDialog.nothingFailedInThisRun}</AlertDescription></Alert> : (
              <Choices
                name="repair-mode" legend={words.repairDialog.doAgain} value={mode} onChange={setMode}
                options={[
                  { value: "failed", label: words.repairDialog.whatFailedAndWhatFollows, description: words.repairDialog.whatFailedAndWhatFollowsDescription },
                  { value: "all", label: words.repairDialog.everything, description: words.repairDialog.everythingDescription },
                ]}
              />
            )}
            {run.template_key === null ? null : (
              <Choices
                name="repair-definition" legend={words.repairDialog.with} value={definition} onChange={setDefinition}
                options={[
                  { value: "pinned", label: run.template_version === null ? words.repairDialog.theDefinitionOfThisRun : words.repairDialog.theDefinitionOfThisRunOf(run.template_version), description: words.repairDialog.theSameWorkAgain },
                  { value: "current", label: words.repairDialog.thePipelinesCurrentDefinition, description: words.repairDialog.thePipelinesCurrentDefinitionDescription },
                ]}
              />
            )}
            <Table label={words.repairDialog.whatEachPhaseWouldDo} dense>
              <TableHeader><TableRow><TableHead>{words.repairDialog.phase}</TableHead><TableHead>{words.repairDialog.is}</TableHead><TableHead>{words.repairDialog.would}</TableHead></TableRow></TableHeader>
              <TableBody>
                {phases.map((phase) => (
                  <TableRow key={phase.name}>
                    <TableCell className="font-medium">{phase.name}</TableCell>
                    <TableCell><PhaseStatusBadge status={phase.status} variant="text" /></TableCell>
                    <TableCell>{keeps(phase) ? (definition === "current" ? words.repairDialog.beTakenOverUnless : words.repairDialog.beTakenOver) : words.repairDialog.execute}</TableCell>
                  </TableRow>
                ))}
              </TableBody>
            </Table>
          </DialogBody>
          <DialogFooter>
            <Button variant="outline" onClick={() => onOpenChange(false)}>{words.repairDialog.close}</Button>
            <Button type="submit" disabled={pending}>{pending ? words.repairDialog.starting : words.repairDialog.repairOfPhases(again, phases.length)}</Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
