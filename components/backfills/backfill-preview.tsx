import type { z } from "zod";
import { ZonedTime } from "@/components/common/zoned-time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { type backfillPreview, partitionStates } from "@/contracts/backfill";
import { formatCount } from "@/lib/format";
import { stateWords } from "./words";

const shown = 20;

/** How many runs it would make, what is there already, and the first partitions in the order of their runs. */
export function BackfillPreview({ preview, timeZone }: { preview: z.output<typeof backfillPreview>; timeZone: string }) {
  const there = partitionStates.filter((state) => preview.present[state] > 0).map((state) => `${formatCount(preview.present[state])} ${stateWords[state]}`);
  const first = preview.first.slice(0, shown);
  return (
    <section aria-label="What it would make" className="grid gap-2 border-t pt-4">
      <p role="status">
        <strong className="tabular-nums">{formatCount(preview.to_run)}</strong> of <span className="tabular-nums">{formatCount(preview.total)}</span> partitions would get a run, with version {preview.template_version}.{" "}
        <span className="text-muted-foreground">{there.join(", ")}.</span>
      </p>
      <Table label="The first partitions" dense>
        <TableHeader><TableRow><TableHead>From</TableHead><TableHead>Before</TableHead><TableHead>Is</TableHead><TableHead>Would</TableHead></TableRow></TableHeader>
        <TableBody>
          {first.map((partition) => (
            <TableRow key={partition.partition_start}>
              <TableCell><ZonedTime at={partition.partition_start} timeZone={timeZone} /></TableCell>
              <TableCell><ZonedTime at={partition.partition_end} timeZone={timeZone} /></TableCell>
              <TableCell>{stateWords[partition.state]}</TableCell>
              <TableCell className="text-xs">{partition.skip_reason ?? "run"}</TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
      {preview.total > first.length ? <p className="text-xs text-muted-foreground">and {formatCount(preview.total - first.length)} more.</p> : null}
    </section>
  );
}
