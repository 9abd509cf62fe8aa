"use client";

import { useQuery } from "@tanstack/react-query";
import { ArrowRight, Download } from "lucide-react";
import { describeError } from "@/components/common/describe-error";
import { EmptyState } from "@/components/common/empty-state";
import { ErrorState } from "@/components/common/error-state";
import { fetchJson } from "@/components/common/fetch-json";
import { Link } from "@/components/common/link";
import { nodePlace } from "@/components/lineage/words";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { isTerminal, lineageHome } from "@/contracts/words";
import type { Run } from "@/contracts/run";
import { words } from "@/lib/messages/run-panels";

interface Named { namespace: string; name: string; facets: { version?: { datasetVersion?: string } } }
interface RunEvent { run: { runId: string }; inputs: Named[]; outputs: Named[] }

/** What this run read, in which versions, and what it made of it. */
export function LineagePanel({ run }: { run: Run }) {
  const path = `/api/v1/runs/${run.run_id}/openlineage`;
  const { data, error, refetch } = useQuery({ queryKey: ["run", run.run_id, "lineage"], queryFn: ({ signal }) => fetchJson<{ items: RunEvent[] }>(path, signal), refetchInterval: isTerminal(run.status) ? false : 5_000 });
  if (error !== null && data === undefined) return <ErrorState {...describeError(error)} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton className="h-32 w-full" />;
  const last = data.items.findLast((event) => event.run.runId === run.run_id);
  const [inputs, outputs] = [last?.inputs ?? [], last?.outputs ?? []];
  if (inputs.length === 0 && outputs.length === 0) return <EmptyState title={words.lineagePanel.thisRunReadNoDataset} description={words.lineagePanel.thisRunReadNoDatasetDescription} />;
  return (
    <div className="grid gap-3">
      <div className="grid items-start gap-3 md:grid-cols-[1fr_auto_1fr]">
        <Datasets title={words.lineagePanel.read} environmentId={run.environment_id} datasets={inputs} none={words.lineagePanel.readNone} />
        <ArrowRight className="mt-6 hidden size-4 text-muted-foreground md:block" aria-hidden />
        <Datasets title={words.lineagePanel.made} environmentId={run.environment_id} datasets={outputs} none={isTerminal(run.status) ? words.lineagePanel.itPublishedNoDataset : words.lineagePanel.itHasPublishedNoDatasetYet} />
      </div>
      <Button asChild variant="outline" size="sm" className="justify-self-start"><a href={path} download={`${run.run_id}.openlineage.json`}><Download aria-hidden />{words.lineagePanel.openlineageEvents}</a></Button>
    </div>
  );
}

function Datasets({ title, environmentId, datasets, none }: { title: string; environmentId: string; datasets: Named[]; none: string }) {
  const home = lineageHome(environmentId);
  return (
    <section className="grid min-w-0 gap-1">
      <h2 className="text-xs font-medium text-muted-foreground">{title}</h2>
      {datasets.length === 0 ? <p>{none}</p> : (
        <ul className="grid gap-1">
          {datasets.map(({ namespace, name, facets }) => (
            <li key={`${namespace} ${name}`} className="flex min-w-0 flex-wrap items-center gap-x-2">
              {namespace === home ? <Link href={`/lineage?dataset=${name}`} className="inline-flex min-h-6 items-center text-link underline-offset-4 hover:underline">{name}</Link> : <span className="break-all">{name}</span>}
              <span className="text-xs text-muted-foreground">{namespace === home ? (facets.version?.datasetVersion === undefined ? "" : words.lineagePanel.version(facets.version.datasetVersion)) : nodePlace({ namespace, dataset: null })}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
