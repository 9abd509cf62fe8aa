import type { z } from "zod";
import { ZonedTime } from "@/components/common/zoned-time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { backfillPreview } from "@/contracts/backfill";
import { partitionStates } from "@/contracts/words";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/backfills";
import { stateWords } from "./words";

const shown = 20;

/** How many runs it would make, what is there already, and the first partitions in the order of their runs. */
export function BackfillPreview({ preview, timeZone }: { preview: z.output<typeof backfillPreview>; timeZone: string }) {
  const there = partitionStates.filter((state) => preview.present[state] > 0).map((state) => `${formatCount(preview.present[state])} ${stateWords[state]}`);
  const first = preview.first.slice(0, shown);
  return (
    <section aria-label={words.backfillPreview.whatItWouldMake} className="grid gap-2 border-t pt-4">
      <p role="status">
        {words.backfillPreview.ofPartitionsWouldGet(<strong className="tabular-nums">{formatCount(preview.to_run)}</strong>, <span className="tabular-nums">{formatCount(preview.total)}</span>, preview.template_version)} 
        <span className="text-muted-foreground">{there.join(", ")}.</span>
      </p>
      <Table label={words.backfillPreview.theFirstPartitions} dense>
        <TableHeader><TableRow><TableHead>{words.backfillPreview.from}</TableHead><TableHead>{words.backfillPreview.before}</TableHead><TableHead>{words.backfillPreview.is}</TableHead><TableHead>{words.backfillPreview.would}</TableHead></TableRow></TableHeader>
        <TableBody>
          {first.map((partition) => (
            <TableRow key={partition.partition_start}>
              <TableCell><ZonedTime at={partition.partition_start} timeZone={timeZone} /></TableCell>
              <TableCell><ZonedTime at={partition.partition_end} timeZone={timeZone} /></TableCell>
              <TableCell>{stateWords[partition.state]}</TableCell>
              <TableCell className="text-xs">{partition.skip_reason ?? words.backfillPreview.run}</TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
      {preview.total > first.length ? <p className="text-xs text-muted-foreground">{words.backfillPreview.andMore(formatCount(preview.total - first.length))}</p> : null}
    </section>
  );
}
