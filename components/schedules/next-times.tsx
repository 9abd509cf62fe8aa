"use client";

import { TriangleAlert } from "lucide-react";
import { Time } from "@/components/common/time";
import { localWords } from "@/components/common/zoned-time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { NominalTime } from "@/contracts/cron";
import { words } from "@/lib/messages/schedules";
import { clockChangeWords } from "./words";

/** The next nominal times in the schedule's zone and in the reader's; changes of the clock are marked. */
export function NextTimes({ times, timeZone }: { times: readonly NominalTime[]; timeZone: string }) {
  if (times.length === 0) return <p className="text-muted-foreground">{words.nextTimes.thereIsNoNextTime}</p>;
  return (
    <Table label={words.nextTimes.nextTimes} dense cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.nextTimes.in(timeZone)}</TableHead>
          <TableHead>{words.nextTimes.inYourTimes}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {times.map((time) => (
          <TableRow key={time.nominal_time}>
            <TableCell className="tabular-nums">
              {localWords(time.local_time)}
              {time.clock_change === null ? null : (
                <span className="flex items-center gap-1 pb-1 text-xs text-warning"><TriangleAlert className="size-3 shrink-0" aria-hidden />{clockChangeWords[time.clock_change]}</span>
              )}
            </TableCell>
            <TableCell className="text-muted-foreground"><Time at={time.nominal_time} format="absolute" /></TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
