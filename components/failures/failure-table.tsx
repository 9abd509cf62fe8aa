"use client";

import { Check, RotateCcw, ShieldOff } from "lucide-react";
import { Link } from "@/components/common/link";
import { NoteButton } from "@/components/common/note-button";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import type { Failure } from "@/contracts/failure";
import type { Outcome } from "@/lib/ops/attempt";

type FailureTableProps = {
  failures: Failure[];
  titles: Readonly<Record<string, string>>;
  refused: string | null;
  markAction: (runId: string, mark: string, reason: string) => Promise<Outcome<unknown>>;
};
const markWords: Record<NonNullable<Failure["mark"]>, string> = { acknowledged: "Acknowledged", waived: "Waived" };

/** Failed runs, each with the ways to deal with it: opening it leads to the repair. */
export function FailureTable({ failures, titles, refused, markAction }: FailureTableProps) {
  const { pending, act } = useAct();
  const marked = failures.some(({ mark }) => mark !== null);
  return (
    <Table label={marked ? "Marked failures, the last mark first" : "Open failures, newest first"} cards>
      <TableHeader>
        <TableRow>
          <TableHead>Run</TableHead>
          <TableHead className="w-full">Error</TableHead>
          <TableHead>Failed</TableHead>
          {marked ? <TableHead>Mark</TableHead> : null}
          <TableHead><span className="sr-only">Deal with it</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {failures.map((failure) => {
          const name = titles[failure.template_key ?? ""] ?? failure.spec_slug;
          const mark = (how: string, reason = "") => act(() => markAction(failure.run_id, how, reason));
          return (
            <TableRow key={failure.run_id}>
              <TableCell><Link href={`/runs/${failure.run_id}`} className="inline-flex min-h-6 items-center font-medium text-link hover:underline">{name}</Link></TableCell>
              <TableCell className="whitespace-normal">{failure.error_code ? <code className="me-2 text-xs text-failed">{failure.error_code}</code> : null}<span className="line-clamp-2 break-words" title={failure.error_message ?? undefined}>{failure.error_message ?? "without a message"}</span></TableCell>
              <TableCell><Time at={failure.finished_at} /></TableCell>
              {failure.mark === null ? null : (
                <TableCell className="min-w-40 whitespace-normal">
                  <Badge variant={failure.mark === "waived" ? "warning" : "default"}>{markWords[failure.mark]}</Badge>
                  <span className="block text-xs text-muted-foreground">{failure.marked_by ?? "somebody"} <Time at={failure.marked_at} /></span>
                  {failure.reason ? <span className="block text-xs break-words">{failure.reason}</span> : null}
                </TableCell>
              )}
              <TableCell>
                <span className="flex justify-end gap-1">
                  {failure.mark === null ? (
                    <>
                      <Tooltip content={refused}>
                        <Button variant="outline" size="sm" disabled={pending} aria-disabled={refused !== null} aria-label={`Acknowledge the failure of ${name}`} onClick={() => refused === null && mark("acknowledged")}><Check aria-hidden />Acknowledge</Button>
                      </Tooltip>
                      <NoteButton
                        size="sm" disabled={pending} refused={refused} aria-label={`Waive the failure of ${name}`} title={`Waive the failure of ${name}?`} description="It leaves the inbox for good, though nothing has succeeded. The next failure is there again."
                        note={{ label: "Reason", description: "Kept in the audit log.", required: true }} confirm="Waive it" onConfirm={(reason) => mark("waived", reason)}
                      ><ShieldOff aria-hidden />Waive</NoteButton>
                    </>
                  ) : (
                    <Tooltip content={refused}>
                      <Button variant="outline" size="sm" disabled={pending} aria-disabled={refused !== null} aria-label={`Put back the failure of ${name}`} onClick={() => refused === null && mark("none")}><RotateCcw aria-hidden />Put back</Button>
                    </Tooltip>
                  )}
                </span>
              </TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
