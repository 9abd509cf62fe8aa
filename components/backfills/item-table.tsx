import type { z } from "zod";
import { Link } from "@/components/common/link";
import { StatusBadge } from "@/components/common/status-badge";
import { ZonedTime } from "@/components/common/zoned-time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { backfillItem } from "@/contracts/backfill";
import { words } from "@/lib/messages/backfills";
import { itemWords } from "./words";

/** The partitions of a backfill, oldest first, in the time zone that cut them. */
export function ItemTable({ items, timeZone }: { items: z.output<typeof backfillItem>[]; timeZone: string }) {
  return (
    <Table label={words.itemTable.partitionsOldestFirst} dense cards>
      <TableHeader>
        <TableRow><TableHead>{words.itemTable.from}</TableHead><TableHead>{words.itemTable.before}</TableHead><TableHead>{words.itemTable.outcome}</TableHead><TableHead>{words.itemTable.run}</TableHead><TableHead>{words.itemTable.reason}</TableHead></TableRow>
      </TableHeader>
      <TableBody>
        {items.map((item) => (
          <TableRow key={item.partition_start}>
            <TableCell><ZonedTime at={item.partition_start} timeZone={timeZone} /></TableCell>
            <TableCell narrow={false}><ZonedTime at={item.partition_end} timeZone={timeZone} /></TableCell>
            <TableCell className={item.outcome === "pending" ? "text-muted-foreground" : undefined}>{itemWords[item.outcome]}</TableCell>
            <TableCell>{item.run_id === null ? <span className="text-muted-foreground">—</span> : <Link href={`/runs/${item.run_id}`} aria-label={words.itemTable.runOf(item.partition_start)} className="relative inline-flex min-h-6 items-center text-link hover:underline">{item.run_status === null ? words.itemTable.open : <StatusBadge status={item.run_status} />}</Link>}</TableCell>
            <TableCell className="text-xs whitespace-normal text-muted-foreground">{item.reason ?? ""}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
