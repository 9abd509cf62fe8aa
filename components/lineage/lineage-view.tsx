"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Group, Minus, Plus, Waypoints } from "lucide-react";
import { parseAsArrayOf, parseAsInteger, parseAsString, parseAsStringLiteral, useQueryStates } from "nuqs";
import { useMemo } from "react";
import { describeError } from "@/components/common/describe-error";
import { EmptyState } from "@/components/common/empty-state";
import { ErrorState } from "@/components/common/error-state";
import { fetchJson } from "@/components/common/fetch-json";
import { Link } from "@/components/common/link";
import { SearchField } from "@/components/common/search-field";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import type { LineageGraph } from "@/contracts/lineage";
import { lineageDirections } from "@/contracts/words";
import { useLayout } from "@/components/graph/use-layout";
import { cn } from "@/lib/cn";
import { words as graphWords } from "@/lib/messages/graph";
import { words } from "@/lib/messages/lineage";
import { ExportMenu } from "./export-menu";
import { foldedGroup, foldNodes, groupsOf } from "./fold";
import { LineageCanvas } from "./lineage-canvas";
import { LineageTable } from "./lineage-table";
import { NodePanel } from "./node-panel";
import { nodeTitle } from "./words";

const mostNodes = 2000;
const tableRows = 200;
const deepest = 20;
const mostGroups = 8;
const parsers = {
  dataset: parseAsString, node: parseAsString, depth: parseAsInteger.withDefault(1), direction: parseAsStringLiteral(lineageDirections).withDefault("both"),
  view: parseAsStringLiteral(["graph", "list"]).withDefault("graph"), at: parseAsString, search: parseAsString.withDefault(""),
  /** Groups that are drawn as one node. */
  fold: parseAsArrayOf(parseAsString).withDefault([]),
};
const directionWords = words.lineageView.directionWords;

/** The graph around a dataset, or all of it; what is asked stands in the address. */
export function LineageView({ environmentId, dataset, embedded = false }: { environmentId: string; dataset?: string; embedded?: boolean }) {
  const [state, setState] = useQueryStates(parsers, { history: "push" });
  const named = state.dataset ?? dataset ?? null;
  const focused: Record<string, string> | null = state.node !== null ? { node_id: state.node } : named === null ? null : { dataset: named };
  const depth = Math.min(deepest, Math.max(0, state.depth));
  const query: Record<string, string> = focused === null ? (state.search === "" ? {} : { search: state.search }) : { ...focused, depth: String(depth), direction: state.direction };
  const path = `/api/v1/lineage?${new URLSearchParams({ environment_id: environmentId, limit: String(mostNodes), ...query })}`;
  const { data, error, refetch, isPlaceholderData } = useQuery({ queryKey: ["lineage", path], queryFn: ({ signal }) => fetchJson<LineageGraph>(path, signal), placeholderData: keepPreviousData });
  const all = useMemo(() => data?.items ?? [], [data]);
  const groups = useMemo(() => groupsOf(all), [all]);
  const folds = state.fold.join();
  const nodes = useMemo(() => foldNodes(all, new Set(folds === "" ? [] : folds.split(","))), [all, folds]);
  const layout = useLayout(useMemo(() => nodes.map((node, position) => ({ name: node.node_id, depends_on: node.upstream.map((source) => source.node_id), position })), [nodes]));
  const chosen = nodes.find(({ node_id }) => node_id === state.at);
  const names = useMemo(() => new Map(nodes.map((node) => [node.node_id, nodeTitle(node)])), [nodes]);
  const turn = (group: string) => void setState({ fold: state.fold.includes(group) ? state.fold.filter((each) => each !== group) : [...state.fold, group] });
  /** A group opens; a dataset is shown. */
  const choose = (id: string) => (foldedGroup(id) === null ? void setState({ at: id }) : turn(foldedGroup(id) ?? ""));
  const focusOn = (id: string) => (foldedGroup(id) === null ? void setState({ node: id, dataset: null, at: id, search: null }) : choose(id));
  const whole = () => void setState({ node: null, dataset: null, at: null, depth: null, direction: null });

  return (
    <div className="grid min-w-0 gap-3">
      <div role="group" aria-label={words.lineageView.whatTheGraphShows} className="flex flex-wrap items-center gap-2">
        {embedded ? null : <SearchField label={words.lineageView.searchDatasets} placeholder={words.lineageView.searchDatasets} className="max-w-64" value={state.search} onChange={(search) => void setState({ search: search === "" ? null : search, node: null, dataset: null, at: null }, { history: "replace" })} />}
        {focused === null ? null : (
          <>
            <div role="group" aria-label={words.lineageView.direction} className="inline-flex gap-1">
              {lineageDirections.map((each) => <Button key={each} variant={state.direction === each ? "secondary" : "ghost"} size="sm" aria-pressed={state.direction === each} onClick={() => void setState({ direction: each })}>{directionWords[each]}</Button>)}
            </div>
            <div role="group" aria-label={words.lineageView.depth} className="inline-flex items-center gap-1">
              <Button variant="outline" size="icon-sm" aria-label={words.lineageView.oneStepLess} disabled={depth <= 1} onClick={() => void setState({ depth: depth - 1 })}><Minus aria-hidden /></Button>
              <span className="min-w-16 text-center tabular-nums" aria-live="polite">{words.terms.steps(depth)}</span>
              <Button variant="outline" size="icon-sm" aria-label={words.lineageView.oneStepMore} disabled={depth >= deepest} onClick={() => void setState({ depth: depth + 1 })}><Plus aria-hidden /></Button>
            </div>
            {embedded ? <Button asChild variant="ghost" size="sm"><Link href="/lineage">{words.lineageView.wholeGraph}</Link></Button> : <Button variant="ghost" size="sm" onClick={whole}>{words.lineageView.wholeGraph}</Button>}
          </>
        )}
        {groups.length === 0 ? null : (
          <div role="group" aria-label={graphWords.groups} className="inline-flex flex-wrap gap-1">
            {groups.slice(0, mostGroups).map(({ name, word, count }) => (
              <Button key={name} variant="outline" size="sm" aria-pressed={state.fold.includes(name)} title={graphWords.fold(word, count)} className={cn("max-w-48", state.fold.includes(name) && "border-ring bg-accent text-accent-foreground")} onClick={() => turn(name)}>
                <Group aria-hidden /><span className="truncate">{word}</span><span className="font-normal text-muted-foreground tabular-nums">{count}</span>
              </Button>
            ))}
          </div>
        )}
        <span className="ms-auto" />
        {nodes.length > 0 && layout !== null ? <ExportMenu nodes={nodes} layout={layout} /> : null}
        <div role="group" aria-label={words.lineageView.view} className="inline-flex gap-1">
          <Button variant={state.view === "graph" ? "secondary" : "ghost"} size="sm" aria-pressed={state.view === "graph"} onClick={() => void setState({ view: "graph" })}>{words.lineageView.graph}</Button>
          <Button variant={state.view === "list" ? "secondary" : "ghost"} size="sm" aria-pressed={state.view === "list"} onClick={() => void setState({ view: "list" })}>{words.lineageView.list}</Button>
        </div>
      </div>
      {error !== null && data === undefined ? (
        <ErrorState {...describeError(error)} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton className="h-[min(70vh,44rem)] w-full" />
      ) : nodes.length === 0 ? (
        <Nothing searched={state.search !== ""} onClear={() => void setState({ search: null })} />
      ) : (
        <>
          <p role="status" className="text-muted-foreground">{(data.cut ? words.lineageView.theNearest : data.next_cursor === null ? words.lineageView.allOfThem : words.lineageView.theFirstByName)(words.terms.datasets(all.length))}</p>
          <div className={chosen ? "grid min-w-0 items-start gap-3 lg:grid-cols-[minmax(0,1fr)_22rem]" : "grid min-w-0"} data-busy={isPlaceholderData || undefined}>
            {state.view === "list" ? (
              <div className="grid min-w-0 gap-2"><LineageTable nodes={nodes.slice(0, tableRows)} names={names} onChoose={choose} />{nodes.length > tableRows ? <p className="text-muted-foreground">{words.lineageView.theFirstAreListedSearch(tableRows)}</p> : null}</div>
            ) : layout === null ? (
              <Skeleton className="h-[min(70vh,44rem)] w-full" />
            ) : (
              <LineageCanvas nodes={nodes} layout={layout} focus={data.focus} chosen={state.at} onChoose={choose} onFocusNode={focusOn} />
            )}
            {chosen ? <NodePanel environmentId={environmentId} node={chosen} onClose={() => void setState({ at: null })} onFocusNode={focusOn} /> : null}
          </div>
        </>
      )}
    </div>
  );
}

function Nothing({ searched, onClear }: { searched: boolean; onClear: () => void }) {
  if (searched) return <EmptyState icon={Waypoints} title={words.lineageView.noDatasetHas} action={<Button variant="outline" onClick={onClear}>{words.lineageView.clearTheSearch}</Button>} />;
  return (
    <EmptyState
      icon={Waypoints} title={words.lineageView.noLineageYet} description={words.lineageView.noLineageYetDescription}
      action={<Button asChild><Link href="/pipelines">{words.lineageView.runAPipeline}</Link></Button>} snippet="POST /api/v1/lineage"
    />
  );
}

