"use client";

import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowUp, ChevronLeft, ChevronRight, Loader, Play } from "lucide-react";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { useRouter } from "next/navigation";
import { useQueryStates } from "nuqs";
import { useState, useSyncExternalStore } from "react";
import { EmptyState, FilteredEmpty } from "@/components/common/empty-state";
import { ErrorState } from "@/components/common/error-state";
import { ApiError, fetchJson } from "@/components/common/fetch-json";
import { useShortcut } from "@/components/shell/shortcuts";
import { Button } from "@/components/ui/button";
import { useLoaded } from "@/components/ui/on-demand";
import type { Layer } from "@/contracts/dataset";
import type { RunCounts, RunPage } from "@/contracts/run";
import { isTerminal } from "@/contracts/words";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/runs";
import { bulkFilterOf, isFiltered, runCountsQuery, runListKey, runListParsers, runListQuery } from "./list-state";
import { RunFilters } from "./run-filters";
import { RunTable } from "./run-table";
import type { BulkActionSet } from "./use-bulk";
import { useSelection } from "./use-selection";

export type PipelineChoice = { template_key: string; title: string; layer: Layer | null; tags: string[] };
type RunListProps = {
  environmentId: string;
  /** What the server read for `initialKey` at `readAt` (Unix milliseconds). */
  initial: RunPage;
  initialKey: readonly string[];
  readAt: number;
  templates: PipelineChoice[];
  executors: Record<string, string>;
  canOperate: boolean;
  bulkActions: BulkActionSet;
};

const loadBulkBar = () => import("./bulk-bar").then((loaded) => loaded.BulkBar);
const busyMs = 3_000;
const idleMs = 30_000;
/** Nearer to the top than this the reader watches the newest rows, which then may come in by themselves. */
const topPixels = 120;

function subscribeScroll(reader: () => void) {
  addEventListener("scroll", reader, { passive: true });
  return () => removeEventListener("scroll", reader);
}

export function RunList({ environmentId, initial, initialKey, readAt, templates, executors, canOperate, bulkActions }: RunListProps) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const client = useQueryClient();
  const [state, setState] = useQueryStates(runListParsers, { history: "push" });
  const key = runListKey(state, environmentId);
  const fromServer = key.join() === initialKey.join();
  const { data, error, isPlaceholderData, isFetching, refetch } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => fetchJson<RunPage>(`/api/v1/runs?${new URLSearchParams(runListQuery(state, environmentId, Date.now()))}`, signal),
    initialData: fromServer ? initial : undefined,
    initialDataUpdatedAt: fromServer ? readAt : undefined,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.items.some((run) => !isTerminal(run.status)) ? busyMs : idleMs),
  });

  const { data: counts } = useQuery({
    queryKey: ["run-counts", ...runListKey({ ...state, status: [], page: [] }, environmentId)],
    queryFn: ({ signal }) => fetchJson<RunCounts>(`/api/v1/runs/counts?${new URLSearchParams(runCountsQuery(state, environmentId, Date.now()))}`, signal),
    placeholderData: keepPreviousData,
    refetchInterval: idleMs,
  });

  const atTop = useSyncExternalStore(subscribeScroll, () => scrollY < topPixels, () => true);
  const { shown, hidden, showAll } = useHeldRows(data, key.join(), atTop);
  const [active, setActive] = useState<string | null>(null);
  const move = (step: 1 | -1) => {
    const at = shown.findIndex((run) => run.run_id === active);
    const next = shown[at === -1 ? (step === 1 ? 0 : shown.length - 1) : Math.min(Math.max(at + step, 0), shown.length - 1)];
    if (!next) return;
    setActive(next.run_id);
    document.querySelector<HTMLAnchorElement>(`a[data-run="${next.run_id}"]`)?.focus();
  };
  useShortcut({ keys: ["j"], label: words.runList.nextRun, run: () => move(1) });
  useShortcut({ keys: ["k"], label: words.runList.previousRun, run: () => move(-1) });
  useShortcut({ keys: ["o"], label: words.runList.openTheRun, enabled: active !== null, run: () => router.push(inEnvironment(`/runs/${active}`)) });
  useShortcut({ keys: ["/"], label: words.runList.searchRuns, run: () => document.getElementById("run-search")?.focus() });

  const selected = useSelection(runListKey({ ...state, page: [] }, environmentId).join());
  const { selection } = selected;
  const BulkBar = useLoaded(loadBulkBar, selected.count !== 0);
  useShortcut({ keys: ["x"], label: words.runList.selectTheRun, enabled: active !== null, run: () => active !== null && selected.toggle([active], !selected.has(active)) });
  useShortcut({ keys: ["Escape"], label: words.runList.selectNone, enabled: selected.count !== 0, run: selected.clear });
  const meant = () => (selection.kind === "matching" ? bulkFilterOf(state, environmentId, Date.now()) : { environment_id: environmentId, run_ids: [...selection.ids] });

  const turn = (page: string[]) => {
    void setState({ page: page.length > 0 ? page : null });
    scrollTo({ top: 0 });
  };

  return (
    <div className="grid gap-3">
      <RunFilters state={state} setState={setState} templates={templates} executors={executors} counts={counts} busy={isFetching && isPlaceholderData} />
      {BulkBar === null ? null : <BulkBar environmentId={environmentId} selected={selected} filterOf={meant} canSelectAll={isFiltered(state) && (data?.next_cursor != null || state.page.length > 0)} canOperate={canOperate} actions={bulkActions} />}
      {hidden > 0 ? (
        <div className="sticky top-14 z-20 flex justify-center" role="status">
          <Button size="sm" className="rounded-full shadow-md" onClick={() => { showAll(); scrollTo({ top: 0 }); }}>
            <ArrowUp aria-hidden />
            {words.runList.newRuns(hidden)}
          </Button>
        </div>
      ) : null}
      {error && !data ? (
        <ErrorState message={error.message} code={error instanceof ApiError ? error.code : null} requestId={error instanceof ApiError ? error.requestId : null} onRetry={() => void refetch()} />
      ) : !data ? (
        <p className="flex items-center gap-2 px-3 py-8 text-muted-foreground" role="status">
          <Loader className="size-4 animate-spin motion-reduce:animate-none" aria-hidden /> {words.runList.loadingRuns}
        </p>
      ) : shown.length === 0 && hidden === 0 ? (
        data.next_cursor !== null ? (
          // A page by label looks at 20,000 runs, and may find none of them.
          <EmptyState title={words.runList.noneOfTheseRunsFits} description={words.runList.noneOfTheseRunsFitsDescription} action={<Button variant="outline" onClick={() => turn([...state.page, data.next_cursor ?? ""])}>{words.runList.lookFurtherBack}</Button>} />
        ) : isFiltered(state) ? (
          <FilteredEmpty clearHref="/runs?view=all" description={words.runList.thereMayBeOtherRuns} />
        ) : state.page.length > 0 ? (
          <EmptyState title={words.runList.noOlderRuns} action={<Button variant="outline" onClick={() => turn([])}>{words.runList.toTheNewestRuns}</Button>} />
        ) : (
          <EmptyState
            title={words.runList.noRunYet}
            description={words.runList.noRunYetDescription}
            snippet="npx control-room pipeline run odoo_ingest_bronze --watch"
            action={<Button asChild><Link href="/pipelines"><Play aria-hidden />{words.runList.runAPipeline}</Link></Button>}
          />
        )
      ) : (
        <div className={cn("transition-opacity", isPlaceholderData && "opacity-60")} aria-busy={isPlaceholderData}>
          <RunTable runs={shown} templates={templates} executors={executors} active={active} shown={state.columns} selected={selected} />
        </div>
      )}
      {error && data ? (
        <p role="status" className="text-xs text-warning">
          {words.runList.thisListCouldNotBeRefreshed(error.message)}
        </p>
      ) : null}
      <nav aria-label={words.runList.pagesOfRuns} className="flex items-center justify-end gap-2">
        <Button variant="outline" size="sm" disabled={state.page.length === 0} onClick={() => turn(state.page.slice(0, -1))}>
          <ChevronLeft aria-hidden />
          {words.runList.newer}
        </Button>
        <Button
          variant="outline"
          size="sm"
          disabled={!data?.next_cursor || isPlaceholderData}
          onClick={() => {
            if (!data?.next_cursor) return;
            turn([...state.page, data.next_cursor]);
            void client.invalidateQueries({ queryKey: ["runs", environmentId], refetchType: "none" });
          }}
        >
          {words.runList.older}
          <ChevronRight aria-hidden />
        </Button>
      </nav>
    </div>
  );
}

/** Rows that came in while the reader was further down are counted, not inserted: what is read must not move. */
function useHeldRows(data: RunPage | undefined, key: string, atTop: boolean) {
  const [held, setHeld] = useState({ key: "", newest: "" });
  const newest = data?.items[0]?.run_id ?? "";
  const holds = held.key === key && held.newest !== "" && !atTop;
  // What the reader at the top has seen, noted while rendering (React then renders at once again, without painting).
  if (!holds && (held.key !== key || held.newest !== newest)) setHeld({ key, newest });
  const items = data?.items ?? [];
  const shown = holds ? items.filter((run) => run.run_id <= held.newest) : items;
  return { shown, hidden: items.length - shown.length, showAll: () => setHeld({ key, newest }) };
}
