import { Link } from "@/components/common/link";
import { StatusBadge } from "@/components/common/status-badge";
import { Time } from "@/components/common/time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import type { RunStatus } from "@/contracts/run";
import type { ScheduleFire } from "@/contracts/schedule";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/schedules";
import { outcomeWords } from "./words";

/** What became of a schedule's nominal times, newest first. */
export function FireTable({ fires, statuses }: { fires: ScheduleFire[]; statuses: ReadonlyMap<string, RunStatus> }) {
  return (
    <Table label={words.fireTable.firedTimesNewestFirst} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.fireTable.nominalTime}</TableHead>
          <TableHead>{words.fireTable.outcome}</TableHead>
          <TableHead>{words.fireTable.run}</TableHead>
          <TableHead>{words.fireTable.fired}</TableHead>
          <TableHead>{words.fireTable.reason}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {fires.map((fire) => {
          const { icon: Icon, word, description, tone } = outcomeWords[fire.outcome];
          const status = fire.run_id === null ? undefined : statuses.get(fire.run_id);
          return (
            <TableRow key={fire.nominal_time}>
              <TableCell><Time at={fire.nominal_time} format="absolute" />{fire.manual ? <span className="ms-2 text-xs text-muted-foreground">{words.fireTable.byHand}</span> : null}</TableCell>
              <TableCell><Tooltip content={description}><span className={cn("inline-flex items-center gap-1.5 text-xs font-medium", tone)}><Icon className="size-3.5 shrink-0" aria-hidden />{word}</span></Tooltip></TableCell>
              <TableCell>{fire.run_id === null ? <span className="text-muted-foreground">—</span> : <Link href={`/runs/${fire.run_id}`} aria-label={words.fireTable.runOf(fire.nominal_time)} className="relative inline-flex min-h-6 items-center text-link hover:underline">{status ? <StatusBadge status={status} /> : words.fireTable.open}</Link>}</TableCell>
              <TableCell narrow={false}><Time at={fire.fired_at} /></TableCell>
              <TableCell className="text-xs whitespace-normal text-muted-foreground">{fire.reason ?? ""}</TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
