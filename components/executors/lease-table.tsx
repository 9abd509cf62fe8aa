"use client";

import { Duration } from "@/components/common/duration";
import { Link } from "@/components/common/link";
import { useNow } from "@/components/common/now";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { HeldLease } from "@/lib/ops/executors-page";
import { cn } from "@/lib/cn";
import { formatTicking } from "@/lib/format";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/executors";

/** What an executor holds now, each with the time that is left of its lease unless it beats again. */
export function LeaseTable({ leases }: { leases: HeldLease[] }) {
  const now = useNow("second");
  return (
    <Table label={words.leaseTable.leasesHeldNow} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.leaseTable.run}</TableHead>
          <TableHead>{words.leaseTable.phase}</TableHead>
          <TableHead numeric>{words.leaseTable.attempt}</TableHead>
          <TableHead numeric>{words.leaseTable.heldFor}</TableHead>
          <TableHead>{words.leaseTable.lastHeartbeat}</TableHead>
          <TableHead numeric>{words.leaseTable.leaseEndsIn}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {leases.map((lease) => {
          const left = now === null ? null : Date.parse(lease.expires_at) - now;
          return (
            <TableRow key={lease.run_id}>
              <TableCell><Link href={`/runs/${lease.run_id}`} className="relative inline-flex min-h-6 items-center font-medium text-link underline-offset-4 hover:underline"><ShortId id={lease.run_id} what={words.leaseTable.runId} plain /></Link></TableCell>
              <TableCell>{lease.phase ?? messages.time.unknown}{lease.stop_code ? <span className="ms-2 text-xs text-warning">{words.leaseTable.isToldToStop(lease.stop_code)}</span> : null}</TableCell>
              <TableCell numeric narrow={false}>{lease.attempt}</TableCell>
              <TableCell numeric narrow={false}><Duration from={lease.claimed_at} to={null} /></TableCell>
              <TableCell narrow={false}><Time at={lease.heartbeat_at} /></TableCell>
              <TableCell numeric><span className={cn("tabular-nums", left !== null && left <= 0 && "text-failed")}>{left === null ? "…" : left <= 0 ? words.leaseTable.hasEnded : formatTicking(Math.ceil(left / 1000) * 1000)}</span></TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
