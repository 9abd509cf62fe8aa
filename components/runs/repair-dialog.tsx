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
            <DialogTitle>Repair this run</DialogTitle>
            <DialogDescription>A new run with the same parameters and inputs; this one stays as it is.</DialogDescription>
          </DialogHeader>
          <DialogBody className="grid gap-4">
            {run.status === "succeeded" ? <Alert><CircleAlert aria-hidden /><AlertDescription>Nothing failed in this run, so everything is done again.</AlertDescription></Alert> : (
              <Choices
                name="repair-mode" legend="Do again" value={mode} onChange={setMode}
                options={[
                  { value: "failed", label: "What failed, and what follows", description: "Phases that succeeded are taken over with their artifacts." },
                  { value: "all", label: "Everything", description: "Every phase executes again, on the inputs that this run read." },
                ]}
              />
            )}
            {run.template_key === null ? null : (
              <Choices
                name="repair-definition" legend="With" value={definition} onChange={setDefinition}
                options={[
                  { value: "pinned", label: `The definition of this run${run.template_version === null ? "" : `, version ${run.template_version}`}`, description: "The same work again." },
                  { value: "current", label: "The pipeline's current definition", description: "After a fix. Phases whose definition has changed execute again, too." },
                ]}
              />
            )}
            <Table label="What each phase would do" dense>
              <TableHeader><TableRow><TableHead>Phase</TableHead><TableHead>Is</TableHead><TableHead>Would</TableHead></TableRow></TableHeader>
              <TableBody>
                {phases.map((phase) => (
                  <TableRow key={phase.name}>
                    <TableCell className="font-medium">{phase.name}</TableCell>
                    <TableCell><PhaseStatusBadge status={phase.status} variant="text" /></TableCell>
                    <TableCell>{keeps(phase) ? (definition === "current" ? "be taken over, unless its definition has changed" : "be taken over") : "execute"}</TableCell>
                  </TableRow>
                ))}
              </TableBody>
            </Table>
          </DialogBody>
          <DialogFooter>
            <Button variant="outline" onClick={() => onOpenChange(false)}>Close</Button>
            <Button type="submit" disabled={pending}>{pending ? "Starting…" : `Repair: ${again} of ${phases.length} phases`}</Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
