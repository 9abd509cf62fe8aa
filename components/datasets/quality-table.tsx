import { Count } from "@/components/common/figures";
import { Link } from "@/components/common/link";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import type { QualityResult } from "@/contracts/quality.ts";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/datasets";
import { newestOfEachCheck } from "./quality-history";
import { Drift, QualityVerdictMark, verdictLooks } from "./quality-verdict";

/** Each check of a dataset with its newest result, and what it found in the runs before. */
export function QualityTable({ results }: { results: QualityResult[] }) {
  return (
    <Table label={words.qualityTable.qualityChecksWithTheirNewestResult} dense>
      <TableHeader><TableRow><TableHead>{words.qualityTable.result}</TableHead><TableHead className="w-full">{words.qualityTable.check}</TableHead><TableHead numeric>{words.qualityTable.wrong}</TableHead><TableHead numeric>{words.qualityTable.ofRows}</TableHead><TableHead>{words.qualityTable.lastRuns}</TableHead><TableHead>{words.qualityTable.run}</TableHead><TableHead>{words.qualityTable.checked}</TableHead></TableRow></TableHeader>
      <TableBody>
        {newestOfEachCheck(results).map(({ newest, history }) => (
          <TableRow key={newest.label}>
            <TableCell><QualityVerdictMark verdict={newest.verdict} /></TableCell>
            <TableCell className="min-w-48">{newest.label.replace(`${newest.dataset} `, "")}<Drift facts={newest.facts} /></TableCell>
            <TableCell numeric><Count value={newest.wrong} /></TableCell>
            <TableCell numeric><Count value={newest.seen} /></TableCell>
            <TableCell><History results={history} /></TableCell>
            <TableCell><Link href={`/runs/${newest.run_id}`} className="text-link underline-offset-4 hover:underline"><ShortId id={newest.run_id} what={words.qualityTable.runId} plain /></Link></TableCell>
            <TableCell><Time at={newest.created_at} /></TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

/** One bar a run, oldest first; a bar that is not green is taller, so colour is not all that tells them apart. */
function History({ results }: { results: QualityResult[] }) {
  const verdicts = results.map((result) => verdictLooks[result.verdict].word.toLowerCase()).join(", ");
  return (
    <Tooltip content={words.qualityTable.oldestFirst(verdicts)}>
      <span role="img" aria-label={words.qualityTable.lastRunsOldestFirst(results.length, verdicts)} className="inline-flex h-4 items-end gap-0.5">
        {results.map((result) => <span key={result.result_id} className={cn("w-1.5 rounded-xs", result.verdict === "pass" ? "h-2" : "h-4", verdictLooks[result.verdict].fill)} />)}
      </span>
    </Tooltip>
  );
}
