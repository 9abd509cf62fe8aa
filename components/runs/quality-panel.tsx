"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { describeError } from "@/components/common/describe-error";
import { EmptyState } from "@/components/common/empty-state";
import { ErrorState } from "@/components/common/error-state";
import { fetchJson } from "@/components/common/fetch-json";
import { Count } from "@/components/common/figures";
import { Link } from "@/components/common/link";
import { Drift, QualityVerdictMark } from "@/components/datasets/quality-verdict";
import { Button } from "@/components/ui/button";
import { TableSkeleton } from "@/components/ui/skeleton";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { QualityResult, QualityVerdict } from "@/contracts/quality";
import type { Run } from "@/contracts/run";
import { isTerminal } from "@/contracts/words";
import { words } from "@/lib/messages/run-panels";

const pageSize = 200;
const againMs = 5_000;
const worstFirst: Record<QualityVerdict, number> = { fail: 0, quarantine: 1, warn: 2, pass: 3 };
type Page = { items: QualityResult[]; next_cursor: string | null };

/** What the checks of this run found; what failed comes first. */
export function QualityPanel({ run }: { run: Run }) {
  const active = !isTerminal(run.status);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["run", run.run_id, "quality"],
    queryFn: ({ signal, pageParam }) => fetchJson<Page>(`/api/v1/quality?${new URLSearchParams({ run_id: run.run_id, limit: String(pageSize), ...(pageParam === null ? {} : { cursor: pageParam }) })}`, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: active ? againMs : false,
  });
  if (error !== null && data === undefined) return <ErrorState {...describeError(error)} onRetry={() => void refetch()} />;
  if (data === undefined) return <TableSkeleton rows={6} columns={[30, 40, 80, 20, 20]} />;
  const results = data.pages.flatMap(({ items }) => items).toSorted((a, b) => worstFirst[a.verdict] - worstFirst[b.verdict] || a.phase.localeCompare(b.phase) || a.position - b.position);
  if (results.length === 0) {
    return <EmptyState title={active ? words.qualityPanel.noCheckHasRunYet : words.qualityPanel.noCheckRanInThisRun} description={words.qualityPanel.checksStandInTheQuality} />;
  }
  return (
    <div className="grid gap-2">
      <Table label={words.qualityPanel.qualityChecksOfTheRun} dense>
        <TableHeader>
          <TableRow><TableHead>{words.qualityPanel.result}</TableHead><TableHead>{words.qualityPanel.dataset}</TableHead><TableHead className="w-full">{words.qualityPanel.check}</TableHead><TableHead numeric>{words.qualityPanel.wrong}</TableHead><TableHead numeric>{words.qualityPanel.ofRows}</TableHead><TableHead>{words.qualityPanel.phase}</TableHead></TableRow>
        </TableHeader>
        <TableBody>
          {results.map((result) => (
            <TableRow key={result.result_id}>
              <TableCell><QualityVerdictMark verdict={result.verdict} /></TableCell>
              <TableCell><Link href={`/datasets/${result.dataset}`} className="inline-flex min-h-6 items-center text-link hover:underline">{result.dataset}</Link></TableCell>
              <TableCell className="min-w-48">{result.label.replace(`${result.dataset} `, "")}<Drift facts={result.facts} /></TableCell>
              <TableCell numeric><Count value={result.wrong} /></TableCell>
              <TableCell numeric><Count value={result.seen} /></TableCell>
              <TableCell className="text-muted-foreground">{result.phase}</TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
      {hasNextPage ? <Button variant="outline" size="sm" className="justify-self-end" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>{isFetchingNextPage ? words.qualityPanel.loading : words.qualityPanel.more}</Button> : null}
    </div>
  );
}
