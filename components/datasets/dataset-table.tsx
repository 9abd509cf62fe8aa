import { Link } from "@/components/common/link";
import { Bytes, Count } from "@/components/common/figures";
import { Hash } from "@/components/common/hash";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { DatasetVersion } from "@/contracts/dataset";
import type { Freshness } from "@/contracts/freshness";
import { words } from "@/lib/messages/datasets";
import { FreshnessBadge } from "./freshness";

/** Datasets with the version that readers follow, and how fresh it is where a pipeline promises that. */
export function DatasetTable({ datasets, freshness, label }: { datasets: DatasetVersion[]; freshness: ReadonlyMap<string, Freshness>; label: string }) {
  return (
    <Table label={label} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.datasetTable.dataset}</TableHead>
          <TableHead numeric>{words.datasetTable.version}</TableHead>
          <TableHead numeric>{words.datasetTable.rows}</TableHead>
          <TableHead numeric>{words.datasetTable.size}</TableHead>
          <TableHead numeric>{words.datasetTable.columns}</TableHead>
          <TableHead>{words.datasetTable.content}</TableHead>
          <TableHead>{words.datasetTable.producedByRun}</TableHead>
          <TableHead>{words.datasetTable.published}</TableHead>
          <TableHead>{words.datasetTable.freshness}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {datasets.map((dataset) => (
          <TableRow key={dataset.dataset_id}>
            <TableCell><Link href={`/datasets/${dataset.name}`} className={rowLinkClasses}>{dataset.name}</Link></TableCell>
            <TableCell numeric narrow={false}>{dataset.version}</TableCell>
            <TableCell numeric><Count value={dataset.row_count} /><span className="ms-1 text-xs text-muted-foreground sm:hidden">{words.datasetTable.rowsInSentence}</span></TableCell>
            <TableCell numeric><Bytes value={dataset.byte_size} /></TableCell>
            <TableCell numeric narrow={false}><Count value={dataset.columns.length} /></TableCell>
            <TableCell narrow={false}><Hash value={dataset.content_sha256} what={words.datasetTable.contentHash} className="relative" /></TableCell>
            <TableCell narrow={false}><Link href={`/runs/${dataset.run_id}`} className="relative inline-flex min-h-6 items-center text-link underline-offset-4 hover:underline"><ShortId id={dataset.run_id} what={words.datasetTable.runId} plain /></Link></TableCell>
            <TableCell><Time at={dataset.created_at} className="relative" /></TableCell>
            <TableCell><FreshnessCell freshness={freshness.get(dataset.name)} /></TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function FreshnessCell({ freshness }: { freshness: Freshness | undefined }) {
  if (freshness === undefined) return <span className="text-muted-foreground">—</span>;
  return <FreshnessBadge state={freshness.state} forecast={freshness.forecast_breach_at !== null} />;
}
