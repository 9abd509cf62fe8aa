"use client";

import { CircleCheck, CircleX, Clock, RotateCw } from "lucide-react";
import NextLink from "next/link";
import { Link } from "@/components/common/link";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Delivery } from "@/contracts/webhook";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/webhook";
import type { Outcome } from "@/lib/ops/attempt";
import { deliveryStatusWords } from "./words";

const looks = {
  pending: { icon: Clock, className: "text-muted-foreground" },
  delivered: { icon: CircleCheck, className: "text-succeeded" },
  failed: { icon: CircleX, className: "text-failed" },
} as const satisfies Record<Delivery["status"], unknown>;

type DeliveryTableProps = { deliveries: Delivery[]; canRetry: boolean; retryAction: (deliveryId: string) => Promise<Outcome<Delivery>> };

/** What was sent, newest first: to what it refers, how often it was tried, and what the receiver said last. A run may be of another environment: its short address finds it. */
export function DeliveryTable({ deliveries, canRetry, retryAction }: DeliveryTableProps) {
  const { pending, act } = useAct();
  return (
    <Table label={words.deliveryTable.deliveriesNewestFirst} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.deliveryTable.status}</TableHead>
          <TableHead>{words.deliveryTable.message}</TableHead>
          <TableHead>{words.deliveryTable.about}</TableHead>
          <TableHead>{words.deliveryTable.made}</TableHead>
          <TableHead numeric>{words.deliveryTable.attempts}</TableHead>
          <TableHead>{words.deliveryTable.lastAnswer}</TableHead>
          <TableHead>{words.deliveryTable.nextAttempt}</TableHead>
          <TableHead><span className="sr-only">{words.deliveryTable.change}</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {deliveries.map((each) => {
          const { icon: Icon, className } = looks[each.status];
          return (
            <TableRow key={each.delivery_id}>
              <TableCell><span className={cn("inline-flex items-center gap-1.5 align-middle", className)}><Icon className="size-3.5" aria-hidden />{deliveryStatusWords[each.status]}</span></TableCell>
              <TableCell><code className="text-xs">{each.type}</code></TableCell>
              <TableCell>
                {each.run_id ? <NextLink href={`/runs/${each.run_id}`} prefetch={false} className="inline-flex min-h-6 items-center text-link hover:underline"><ShortId id={each.run_id} what={words.deliveryTable.runId} plain /></NextLink> : each.executor_id ? <Link href={`/executors/${each.executor_id}`} className="inline-flex min-h-6 items-center text-link hover:underline">{words.deliveryTable.executor}</Link> : <span className="text-muted-foreground">—</span>}
              </TableCell>
              <TableCell><Time at={each.created_at} /></TableCell>
              <TableCell numeric narrow={false}>{words.deliveryTable.of(each.attempts, each.max_attempts)}</TableCell>
              <TableCell className="max-w-md whitespace-normal">
                {each.last_error ? <span className="break-words text-failed">{each.last_error}</span> : each.last_status ? words.deliveryTable.http(each.last_status) : <span className="text-muted-foreground">—</span>}
              </TableCell>
              <TableCell narrow={false}><Time at={each.next_attempt_at} /></TableCell>
              <TableCell>
                {each.status === "delivered" ? null : (
                  <Button variant="outline" size="sm" disabled={pending || !canRetry} onClick={() => act(() => retryAction(each.delivery_id))} aria-label={words.deliveryTable.sendAgainMade(each.type, each.created_at)}><RotateCw aria-hidden />{words.deliveryTable.sendAgain}</Button>
                )}
              </TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
