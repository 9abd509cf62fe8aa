import { CircleCheck, CircleX, ShieldAlert, TriangleAlert, type LucideIcon } from "lucide-react";
import { Count } from "@/components/common/figures";
import { Link } from "@/components/common/link";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import type { QualityResult, QualityVerdict } from "@/contracts/quality.ts";
import { cn } from "@/lib/cn";
import { newestOfEachCheck } from "./quality-history";

const looks: Record<QualityVerdict, { word: string; icon: LucideIcon; text: string; fill: string }> = {
  pass: { word: "Passed", icon: CircleCheck, text: "text-succeeded", fill: "bg-succeeded" },
  warn: { word: "Warned", icon: TriangleAlert, text: "text-warning", fill: "bg-warning" },
  quarantine: { word: "Quarantined", icon: ShieldAlert, text: "text-warning", fill: "bg-warning" },
  fail: { word: "Failed", icon: CircleX, text: "text-failed", fill: "bg-failed" },
};

/** Each check of a dataset with its newest result, and what it found in the runs before. */
export function QualityTable({ results }: { results: QualityResult[] }) {
  return (
    <Table label="Quality checks, with their newest result" dense>
      <TableHeader><TableRow><TableHead>Result</TableHead><TableHead className="w-full">Check</TableHead><TableHead numeric>Wrong</TableHead><TableHead numeric>Of rows</TableHead><TableHead>Last runs</TableHead><TableHead>Run</TableHead><TableHead>Checked</TableHead></TableRow></TableHeader>
      <TableBody>
        {newestOfEachCheck(results).map(({ newest, history }) => (
          <TableRow key={newest.label}>
            <TableCell><Verdict verdict={newest.verdict} /></TableCell>
            <TableCell className="min-w-48">{newest.label.replace(`${newest.dataset} `, "")}<Drift facts={newest.facts} /></TableCell>
            <TableCell numeric><Count value={newest.wrong} /></TableCell>
            <TableCell numeric><Count value={newest.seen} /></TableCell>
            <TableCell><History results={history} /></TableCell>
            <TableCell><Link href={`/runs/${newest.run_id}`} className="text-link underline-offset-4 hover:underline"><ShortId id={newest.run_id} what="run id" plain /></Link></TableCell>
            <TableCell><Time at={newest.created_at} /></TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function Verdict({ verdict }: { verdict: QualityVerdict }) {
  const { icon: Icon, word, text } = looks[verdict];
  return <span className={cn("inline-flex items-center gap-1.5 align-middle text-xs font-medium whitespace-nowrap", text)}><Icon className="size-3.5 shrink-0" aria-hidden />{word}</span>;
}

/** One bar a run, oldest first; a bar that is not green is taller, so colour is not all that tells them apart. */
function History({ results }: { results: QualityResult[] }) {
  const words = results.map((result) => looks[result.verdict].word.toLowerCase()).join(", ");
  return (
    <Tooltip content={`Oldest first: ${words}`}>
      <span role="img" aria-label={`Last ${results.length} runs, oldest first: ${words}`} className="inline-flex h-4 items-end gap-0.5">
        {results.map((result) => <span key={result.result_id} className={cn("w-1.5 rounded-xs", result.verdict === "pass" ? "h-2" : "h-4", looks[result.verdict].fill)} />)}
      </span>
    </Tooltip>
  );
}

function Drift({ facts }: { facts: QualityResult["facts"] }) {
  const kinds = (["added", "removed", "retyped"] as const).filter((kind) => Array.isArray(facts[kind]));
  if (kinds.length === 0) return null;
  return <span className="block text-xs text-muted-foreground">{kinds.map((kind) => `${kind}: ${(facts[kind] as string[]).join(", ")}`).join("; ")}</span>;
}
