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
import { words } from "@/lib/messages/failures";
import type { Outcome } from "@/lib/ops/attempt";

type FailureTableProps = {
  failures: Failure[];
  titles: Readonly<Record<string, string>>;
  refused: string | null;
  markAction: (runId: string, mark: string, reason: string) => Promise<Outcome<unknown>>;
};
const markWords: Record<NonNullable<Failure["mark"]>, string> = words.failureTable.mark;

/** Failed runs, each with the ways to deal with it: opening it leads to the repair. */
export function FailureTable({ failures, titles, refused, markAction }: FailureTableProps) {
  const { pending, act } = useAct();
  const marked = failures.some(({ mark }) => mark !== null);
  return (
    <Table label={marked ? words.failureTable.markedFailuresTheLastMarkFirst : words.failureTable.openFailuresNewestFirst} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.failureTable.run}</TableHead>
          <TableHead className="w-full">{words.failureTable.error}</TableHead>
          <TableHead>{words.failureTable.failed}</TableHead>
          {marked ? <TableHead>{words.failureTable.markHeading}</TableHead> : null}
          <TableHead><span className="sr-only">{words.failureTable.dealWithIt}</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {failures.map((failure) => {
          const name = titles[failure.template_key ?? ""] ?? failure.spec_slug;
          const mark = (how: string, reason = "") => act(() => markAction(failure.run_id, how, reason));
          return (
            <TableRow key={failure.run_id}>
              <TableCell><Link href={`/runs/${failure.run_id}`} className="inline-flex min-h-6 items-center font-medium text-link hover:underline">{name}</Link></TableCell>
              <TableCell className="whitespace-normal">{failure.error_code ? <code className="me-2 text-xs text-failed">{failure.error_code}</code> : null}<span className="line-clamp-2 break-words" title={failure.error_message ?? undefined}>{failure.error_message ?? words.failureTable.withoutAMessage}</span></TableCell>
              <TableCell><Time at={failure.finished_at} /></TableCell>
              {failure.mark === null ? null : (
                <TableCell className="min-w-40 whitespace-normal">
                  <Badge variant={failure.mark === "waived" ? "warning" : "default"}>{markWords[failure.mark]}</Badge>
                  <span className="block text-xs text-muted-foreground">{failure.marked_by ?? words.failureTable.somebody} <Time at={failure.marked_at} /></span>
                  {failure.reason ? <span className="block text-xs break-words">{failure.reason}</span> : null}
                </TableCell>
              )}
              <TableCell>
                <span className="flex justify-end gap-1">
                  {failure.mark === null ? (
                    <>
                      <Tooltip content={refused}>
                        <Button variant="outline" size="sm" disabled={pending} aria-disabled={refused !== null} aria-label={words.failureTable.acknowledgeTheFailureOf(name)} onClick={() => refused === null && mark("acknowledged")}><Check aria-hidden />{words.failureTable.acknowledge}</Button>
                      </Tooltip>
                      <NoteButton
                        size="sm" disabled={pending} refused={refused} aria-label={words.failureTable.waiveTheFailureOf(name)} title={words.failureTable.waiveTheFailureOfQuestion(name)} description={words.failureTable.waiveTheFailureOfDescription}
                        note={{ label: words.failureTable.reason, description: words.failureTable.keptInTheAuditLog, required: true }} confirm={words.failureTable.waiveIt} onConfirm={(reason) => mark("waived", reason)}
                      ><ShieldOff aria-hidden />{words.failureTable.waive}</NoteButton>
                    </>
                  ) : (
                    <Tooltip content={refused}>
                      <Button variant="outline" size="sm" disabled={pending} aria-disabled={refused !== null} aria-label={words.failureTable.putBackTheFailureOf(name)} onClick={() => refused === null && mark("none")}><RotateCcw aria-hidden />{words.failureTable.putBack}</Button>
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
