"use client";

import { useQuery } from "@tanstack/react-query";
import { Crosshair, X } from "lucide-react";
import type { ReactNode } from "react";
import { describeError } from "@/components/common/describe-error";
import { ErrorState } from "@/components/common/error-state";
import { fetchJson } from "@/components/common/fetch-json";
import { Count } from "@/components/common/figures";
import { LayerBadge } from "@/components/common/layer-badge";
import { Link } from "@/components/common/link";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { FreshnessBadge } from "@/components/datasets/freshness";
import { QualityVerdictMark } from "@/components/datasets/quality-verdict";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import type { DatasetVersion } from "@/contracts/dataset";
import type { Freshness } from "@/contracts/freshness";
import type { ColumnLineageGraph, LineageGraph, LineageNode, LineageReader } from "@/contracts/lineage";
import { lineageHome } from "@/contracts/words";
import type { QualityResult } from "@/contracts/quality";
import { words } from "@/lib/messages/lineage";
import { columnWords, nodePlace, nodeTitle } from "./words";

type Items<T> = { items: T[] };
type PanelProps = { environmentId: string; node: LineageNode; onClose: () => void; onFocusNode: (id: string) => void };

/** What is known of one dataset: the version that readers follow and the run that made it, its state, its columns, who reads it, what breaks with it. */
export function NodePanel({ environmentId, node, onClose, onFocusNode }: PanelProps) {
  return (
    <aside aria-label={words.nodePanel.detailsOf(nodeTitle(node))} className="grid max-h-[min(70vh,44rem)] min-w-0 content-start gap-4 overflow-y-auto rounded-md border p-4">
      <div className="flex items-start gap-2">
        <div className="grid min-w-0 flex-1 gap-1">
          <h2 className="font-semibold break-words">{nodeTitle(node)}</h2>
          {node.layer === null ? <p className="text-xs break-all text-muted-foreground">{nodePlace(node) || node.namespace}</p> : <LayerBadge layer={node.layer} className="justify-self-start" />}
        </div>
        <Button variant="outline" size="sm" onClick={() => onFocusNode(node.node_id)}><Crosshair aria-hidden />{words.nodePanel.focus}</Button>
        <Button variant="ghost" size="icon-sm" aria-label={words.nodePanel.closeTheDetails} onClick={onClose}><X aria-hidden /></Button>
      </div>
      {node.dataset === null ? <p className="text-muted-foreground">{words.nodePanel.anotherSystemsLastToldOf(<Time at={node.seen_at} />)}</p> : <OwnState environmentId={environmentId} dataset={node.dataset} />}
      <Impact environmentId={environmentId} node={node} />
      <Columns environmentId={environmentId} node={node} />
      <Readers environmentId={environmentId} node={node} />
    </aside>
  );
}

function useApi<T>(path: string) {
  return useQuery({ queryKey: ["lineage", path], queryFn: ({ signal }) => fetchJson<T>(path, signal) });
}
const address = (path: string, query: Record<string, string>) => `/api/v1${path}?${new URLSearchParams(query)}`;

function Section<T>({ title, asked, children }: { title: string; asked: { data: T | undefined; error: Error | null; refetch: () => unknown }; children: (data: T) => ReactNode }) {
  return (
    <section className="grid min-w-0 gap-1.5">
      <h3 className="text-xs font-medium text-muted-foreground">{title}</h3>
      {asked.data !== undefined ? children(asked.data) : asked.error === null ? <Skeleton className="h-10 w-full" /> : <ErrorState {...describeError(asked.error)} onRetry={() => void asked.refetch()} />}
    </section>
  );
}

function OwnState({ environmentId, dataset }: { environmentId: string; dataset: string }) {
  const version = useApi<Items<DatasetVersion>>(address("/datasets", { environment_id: environmentId, name: dataset, limit: "1" }));
  const freshness = useApi<Items<Freshness>>(address("/freshness", { environment_id: environmentId, name: dataset, limit: "1" }));
  const quality = useApi<Items<QualityResult>>(address("/quality", { environment_id: environmentId, dataset, limit: "200" }));
  return (
    <>
      <Section title={words.nodePanel.versionThatReadersFollow} asked={version}>
        {({ items: [present] }) => present === undefined ? <p>{words.nodePanel.notPublishedInThisEnvironment}</p> : (
          <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1">
            <dt className="text-muted-foreground">{words.nodePanel.version}</dt><dd>{words.nodePanel.rows(<Link href={`/datasets/${dataset}`} className="text-link underline underline-offset-4">{present.version}</Link>, <Count value={present.row_count} />)}</dd>
            <dt className="text-muted-foreground">{words.nodePanel.madeByRun}</dt><dd><Link href={`/runs/${present.run_id}`} className="text-link underline underline-offset-4"><ShortId id={present.run_id} what={words.nodePanel.runId} plain /></Link> <Time at={present.created_at} /></dd>
          </dl>
        )}
      </Section>
      <Section title={words.nodePanel.freshness} asked={freshness}>
        {({ items: [state] }) => state === undefined ? <p>{words.nodePanel.noPipelinePromisesHowFresh}</p> : <p className="flex flex-wrap items-center gap-2"><FreshnessBadge state={state.state} forecast={state.forecast_breach_at !== null} />{words.nodePanel.dataOf(<Time at={state.data_at} />)}</p>}
      </Section>
      <Section title={words.nodePanel.qualityInTheLastRun} asked={quality}>
        {({ items }) => items.length === 0 ? <p>{words.nodePanel.noCheckNamesIt}</p> : <QualityState results={items.filter(({ run_id }) => run_id === items[0]?.run_id)} />}
      </Section>
    </>
  );
}

function QualityState({ results }: { results: QualityResult[] }) {
  const wrong = results.filter(({ verdict }) => verdict !== "pass");
  if (wrong.length === 0) return <p className="flex items-center gap-2"><QualityVerdictMark verdict="pass" />{words.terms.checks(results.length)}</p>;
  return <ul className="grid gap-1">{wrong.map((result) => <li key={result.result_id} className="flex min-w-0 items-center gap-2"><QualityVerdictMark verdict={result.verdict} /><span className="min-w-0 break-words">{result.label.replace(`${result.dataset} `, "")}</span></li>)}</ul>;
}

function Impact({ environmentId, node }: { environmentId: string; node: LineageNode }) {
  const asked = useApi<LineageGraph>(address("/lineage", { environment_id: environmentId, node_id: node.node_id, direction: "downstream", depth: "20", limit: "2000" }));
  return (
    <Section title={words.nodePanel.ifThisBreaks} asked={asked}>
      {({ items, cut }) => {
        const below = items.filter(({ distance }) => distance > 0);
        if (below.length === 0) return <p>{words.nodePanel.nothingIsMadeOfIt}</p>;
        return (
          <details>
            <summary className="cursor-pointer">{(cut ? words.nodePanel.moreDownstream : words.nodePanel.downstream)(words.terms.datasets(below.length))}</summary>
            <ul className="mt-1 grid gap-0.5">{below.slice(0, 100).map((each) => <li key={each.node_id} className="break-words">{nodeTitle(each)} <span className="text-xs text-muted-foreground">{words.terms.steps(each.distance)}</span></li>)}</ul>
            {below.length > 100 ? <p className="text-muted-foreground">{words.nodePanel.andMore(below.length - 100)}</p> : null}
          </details>
        );
      }}
    </Section>
  );
}

function Columns({ environmentId, node }: { environmentId: string; node: LineageNode }) {
  const asked = useApi<ColumnLineageGraph>(address("/lineage/columns", { environment_id: environmentId, node_id: node.node_id, direction: "upstream", limit: "2000" }));
  return (
    <Section title={words.nodePanel.columnsAndWhatThey} asked={asked}>
      {({ items }) => {
        const names = new Map(items.map((each) => [each.node_id, each.dataset ?? each.name]));
        const own = items.filter(({ node_id, distance }) => node_id === node.node_id && distance === 0);
        const known = own.filter(({ upstream }) => upstream.length > 0);
        if (known.length === 0) return <p>{words.nodePanel.notKnownNoSql}</p>;
        return (
          <ul className="grid gap-2">
            {known.toSorted((a, b) => Number(a.column === "") - Number(b.column === "")).map((each) => (
              <li key={each.column} className="grid min-w-0 gap-0.5">
                <span className="font-mono text-xs font-medium break-all">{each.column === "" ? words.nodePanel.whichRowsThereAre : each.column}</span>
                <ul className="grid gap-0.5 ps-3 text-xs">
                  {each.upstream.map((source) => (
                    <li key={`${source.node_id} ${source.column} ${source.kind}`} className="break-words"><span className="font-mono">{names.get(source.node_id) ?? words.nodePanel.aDataset}.{source.column}</span> <span className="text-muted-foreground">{columnWords[source.kind] ?? source.kind.toLowerCase()}</span></li>
                  ))}
                </ul>
              </li>
            ))}
          </ul>
        );
      }}
    </Section>
  );
}

function Readers({ environmentId, node }: { environmentId: string; node: LineageNode }) {
  const asked = useApi<Items<LineageReader>>(address("/lineage/readers", { environment_id: environmentId, node_id: node.node_id, limit: "50" }));
  return (
    <Section title={words.nodePanel.readBy} asked={asked}>
      {({ items }) => items.length === 0 ? <p>{words.nodePanel.nobodyToldThatItReadsIt}</p> : <ReaderList environmentId={environmentId} readers={items} />}
    </Section>
  );
}

/** Jobs that read a dataset, each with its newest reading; pipelines of this environment lead to their page and run. */
export function ReaderList({ environmentId, readers }: { environmentId: string; readers: LineageReader[] }) {
  return (
    <ul className="grid gap-1">
      {readers.map((reader) => {
        const own = reader.namespace === lineageHome(environmentId) && reader.state === null;
        return (
          <li key={reader.lineage_job_id} className="flex min-w-0 flex-wrap items-center gap-x-2">
            {own ? <Link href={`/pipelines/${reader.name}`} className="text-link underline-offset-4 hover:underline">{reader.name}</Link> : <span className="break-all">{reader.name}</span>}
            {own && reader.last_run_id !== null ? <Link href={`/runs/${reader.last_run_id}`} className="text-link underline-offset-4 hover:underline"><ShortId id={reader.last_run_id} what={words.nodePanel.runId} plain /></Link> : null}
            {own ? null : <span className="text-xs break-all text-muted-foreground">{reader.namespace}</span>}
            <Time at={reader.seen_at} className="text-xs text-muted-foreground" />
          </li>
        );
      })}
    </ul>
  );
}
