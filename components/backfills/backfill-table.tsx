import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import { ZonedTime } from "@/components/common/zoned-time";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Backfill } from "@/contracts/backfill";
import { words } from "@/lib/messages/backfills";
import { BackfillProgress, BackfillStatus } from "./backfill-progress";

export function BackfillTable({ backfills, titles }: { backfills: Backfill[]; titles: Readonly<Record<string, string>> }) {
  return (
    <Table label={words.backfillTable.backfillsNewestFirst} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.backfillTable.pipeline}</TableHead>
          <TableHead>{words.backfillTable.status}</TableHead>
          <TableHead>{words.backfillTable.progress}</TableHead>
          <TableHead>{words.backfillTable.from}</TableHead>
          <TableHead>{words.backfillTable.before}</TableHead>
          <TableHead>{words.backfillTable.made}</TableHead>
          <TableHead>{words.backfillTable.by}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {backfills.map((backfill) => (
          <TableRow key={backfill.backfill_id}>
            <TableCell><Link href={`/backfills/${backfill.backfill_id}`} className={rowLinkClasses}>{titles[backfill.template_key] ?? backfill.template_key}</Link></TableCell>
            <TableCell><BackfillStatus status={backfill.status} /></TableCell>
            <TableCell className="max-sm:w-full"><BackfillProgress backfill={backfill} className="sm:min-w-48" /></TableCell>
            <TableCell narrow={false}><ZonedTime at={backfill.range_start} timeZone={backfill.time_zone} /></TableCell>
            <TableCell narrow={false}><ZonedTime at={backfill.range_end} timeZone={backfill.time_zone} /></TableCell>
            <TableCell><Time at={backfill.created_at} className="relative" /></TableCell>
            <TableCell narrow={false} className="max-w-48 truncate text-muted-foreground" title={backfill.created_by ?? undefined}>{backfill.created_by ?? "—"}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
