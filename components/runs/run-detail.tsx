"use client";

import { GitBranch, GitCompareArrows, ListTree, Network, Package, ScrollText, ShieldCheck, SlidersHorizontal, SquareTerminal, Waypoints } from "lucide-react";
import { Link } from "@/components/common/link";
import dynamic from "next/dynamic";
import { parseAsStringLiteral, useQueryState } from "nuqs";
import { Duration } from "@/components/common/duration";
import { LayerBadge } from "@/components/common/layer-badge";
import { ShortId } from "@/components/common/short-id";
import { DerivedStatusBadge, StatusBadge } from "@/components/common/status-badge";
import { runStatusLooks } from "@/components/common/status-looks";
import { Time } from "@/components/common/time";
import { PageHeader } from "@/components/shell/page-header";
import { Skeleton } from "@/components/ui/skeleton";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import type { Layer } from "@/contracts/dataset";
import type { Run } from "@/contracts/run";
import { isTerminal } from "@/contracts/words";
import { messages } from "@/lib/messages";
import { truncateMiddle } from "@/lib/format";
import { words } from "@/lib/messages/run";
import { RunActions, type RunActionSet } from "./run-actions";
import type { Rendered } from "./spec-panel";
import { TimelinePanel } from "./timeline";
import { type RunView, useRun } from "./use-run";
import { VerdictLine } from "./verdict";
import { triggerWords } from "./words";

export const runTabs = ["timeline", "graph", "logs", "artifacts", "quality", "lineage", "spec", "events", "verdict"] as const;

// A tab's panel is loaded when it is the one that is shown, or a pointer or the focus reaches its tab.
const panels = {
  graph: () => import("./graph-panel"), logs: () => import("./logs-panel"), artifacts: () => import("./artifacts-panel"), quality: () => import("./quality-panel"), lineage: () => import("./lineage-panel"),
  spec: () => import("./spec-panel"), events: () => import("./events-panel"), verdict: () => import("./verdict-panel"),
};
const loading = () => <Skeleton className="h-64 w-full" />;
const GraphPanel = dynamic(() => panels.graph().then((loaded) => loaded.GraphPanel), { loading, ssr: false });
const LogsPanel = dynamic(() => panels.logs().then((loaded) => loaded.LogsPanel), { loading, ssr: false });
const ArtifactsPanel = dynamic(() => panels.artifacts().then((loaded) => loaded.ArtifactsPanel), { loading, ssr: false });
const QualityPanel = dynamic(() => panels.quality().then((loaded) => loaded.QualityPanel), { loading, ssr: false });
const LineagePanel = dynamic(() => panels.lineage().then((loaded) => loaded.LineagePanel), { loading, ssr: false });
const SpecPanel = dynamic(() => panels.spec().then((loaded) => loaded.SpecPanel), { loading, ssr: false });
const EventsPanel = dynamic(() => panels.events().then((loaded) => loaded.EventsPanel), { loading, ssr: false });
const VerdictPanel = dynamic(() => panels.verdict().then((loaded) => loaded.VerdictPanel), { loading, ssr: false });

// What only a run in that state shows.
const LiveChip = dynamic(() => import("@/components/common/live-chip").then((loaded) => loaded.LiveChip));
const FailureBlock = dynamic(() => import("./failure-block").then((loaded) => loaded.FailureBlock));
const ExplainPanel = dynamic(() => import("./explain-panel").then((loaded) => loaded.ExplainPanel));

type RunDetailProps = {
  view: RunView;
  title: string;
  layer: Layer | null;
  executorName: string | null;
  spec: Rendered | null;
  parameters: Rendered;
  canOperate: boolean;
  actions: RunActionSet;
};

export function RunDetail({ view, title, layer, executorName, spec, parameters, canOperate, actions }: RunDetailProps) {
  const { run, phases, artifacts, comparison, live, stream } = useRun(view);
  const [tab, setTab] = useQueryState("tab", parseAsStringLiteral(runTabs).withDefault("timeline").withOptions({ history: "push" }));
  const active = !isTerminal(run.status);
  return (
    <>
      <PageHeader
        crumbs={[{ href: "/runs", label: messages.page.runs }, ...(run.template_key ? [{ href: `/runs?pipeline=${run.template_key}`, label: run.template_key }] : [])]}
        title={title}
        mark={<><StatusBadge status={run.status} focusable /><Derived run={run} /><ShortId id={run.run_id} what={words.runDetail.runId} /></>}
        meta={<RunFacts run={run} repeats={view.repeats} layer={layer} executorName={executorName} />}
        actions={
          <>
            {stream.state && tab !== "events" && tab !== "logs" ? <LiveChip state={stream.state} onPause={stream.pause} onResume={stream.resume} /> : null}
            <RunActions run={run} phases={phases} baselineId={view.baseline?.run_id ?? null} canOperate={canOperate} actions={actions} />
          </>
        }
      />
      <p role="status" className="sr-only">{words.runDetail.run(runStatusLooks[run.status].word.toLowerCase())}</p>
      {run.status === "failed" ? <FailureBlock run={run} phases={phases} /> : null}
      {active && (run.status === "queued" || run.cancel_requested_at !== null) ? <ExplainPanel run={run} /> : null}
      {run.status === "canceled" && run.error_message ? <p className="text-canceled">{run.error_message}</p> : null}
      {comparison ? <VerdictLine comparison={comparison} changed={view.baseline?.changed} /> : null}
      <Tabs value={tab} onValueChange={(next) => void setTab(next as (typeof runTabs)[number])}>
        <TabsList aria-label={words.runDetail.partsOfTheRun}>
          <TabsTrigger value="timeline"><ListTree aria-hidden />{words.runDetail.timeline}</TabsTrigger>
          <TabsTrigger value="graph" {...near("graph")}><Waypoints aria-hidden />{words.runDetail.graph}</TabsTrigger>
          <TabsTrigger value="logs" {...near("logs")}><SquareTerminal aria-hidden />{words.runDetail.logs}</TabsTrigger>
          <TabsTrigger value="artifacts" {...near("artifacts")}><Package aria-hidden />{words.runDetail.artifacts}{artifacts.length > 0 ? <span className="text-xs text-muted-foreground tabular-nums">{artifacts.length}</span> : null}</TabsTrigger>
          <TabsTrigger value="quality" {...near("quality")}><ShieldCheck aria-hidden />{words.runDetail.quality}</TabsTrigger>
          <TabsTrigger value="lineage" {...near("lineage")}><Network aria-hidden />{words.runDetail.lineage}</TabsTrigger>
          <TabsTrigger value="spec" {...near("spec")}><SlidersHorizontal aria-hidden />{words.runDetail.parametersAndSpec}</TabsTrigger>
          <TabsTrigger value="events" {...near("events")}><ScrollText aria-hidden />{words.runDetail.events}</TabsTrigger>
          <TabsTrigger value="verdict" {...near("verdict")}><GitCompareArrows aria-hidden />{words.runDetail.verdict}</TabsTrigger>
        </TabsList>
        <TabsContent value="timeline"><TimelinePanel run={run} phases={phases} events={[...view.events.items, ...live]} readAt={view.read_at} /></TabsContent>
        <TabsContent value="graph"><GraphPanel runId={run.run_id} phases={phases} /></TabsContent>
        <TabsContent value="logs"><LogsPanel run={run} phases={phases} /></TabsContent>
        <TabsContent value="events"><EventsPanel runId={run.run_id} history={view.events} live={live} stream={stream} /></TabsContent>
        <TabsContent value="artifacts"><ArtifactsPanel artifacts={artifacts} active={active} /></TabsContent>
        <TabsContent value="quality"><QualityPanel run={run} /></TabsContent>
        <TabsContent value="lineage"><LineagePanel run={run} /></TabsContent>
        <TabsContent value="spec"><SpecPanel run={run} spec={spec} parameters={parameters} /></TabsContent>
        <TabsContent value="verdict" className="grid gap-6"><VerdictPanel run={run} comparison={comparison} hasBaseline={view.baseline !== null} canOperate={canOperate} retry={actions.retry} /></TabsContent>
      </Tabs>
    </>
  );
}

/** A part that could not be loaded ahead is loaded, or missed, when it is shown. */
function near(tab: keyof typeof panels) {
  const load = () => void panels[tab]().catch(() => undefined);
  return { onPointerEnter: load, onFocus: load };
}

function Derived({ run }: { run: Run }) {
  if (isTerminal(run.status)) return run.isolated ? <span className="text-xs text-muted-foreground">{words.runDetail.isolatedVerification}</span> : null;
  if (run.lease_expired === true) return <DerivedStatusBadge status="stale_lease" focusable />;
  if (run.status === "queued" && run.attempt > 0 && run.started_at !== null) return <DerivedStatusBadge status="retrying" focusable />;
  return null;
}

/** Where an attempt failed and another followed: the log of each. */
function Attempts({ run }: { run: Run }) {
  if (run.attempt < 2) return null;
  const numbers = Array.from({ length: run.attempt }, (_, nth) => nth + 1);
  return (
    <nav aria-label={words.runDetail.logsOfTheAttempts} className="inline-flex gap-1">
      {numbers.map((number) => <Link key={number} href={`/runs/${run.run_id}?tab=logs&attempt=${number}`} aria-label={words.runDetail.logOfAttempt(number)} className="inline-flex size-6 items-center justify-center rounded-sm border text-xs text-link tabular-nums hover:bg-accent">{number}</Link>)}
    </nav>
  );
}

function RunFacts({ run, repeats, layer, executorName }: { run: Run; repeats: RunView["repeats"]; layer: Layer | null; executorName: string | null }) {
  return (
    <>
      {layer ? <LayerBadge layer={layer} /> : null}
      <span>{run.triggered_by ? words.runDetail.triggeredBy(triggerWords[run.trigger], run.triggered_by) : triggerWords[run.trigger]}</span>
      <span className="inline-flex items-center gap-1">{words.runDetail.created(<Time at={run.created_at} />)}</span>
      <span className="inline-flex items-center gap-1">{words.runDetail.took(<Duration from={run.started_at} to={run.finished_at} className="text-foreground" />)}</span>
      <span>{words.runDetail.executor(run.executor_id === null ? "—" : (executorName ?? run.executor_id.slice(0, 8)))}</span>
      <span className="inline-flex flex-wrap items-center gap-x-1">{words.runDetail.attempt(run.attempt, run.max_attempts)}<Attempts run={run} /></span>
      <span>{words.runDetail.priority(run.priority)}</span>
      {run.template_key ? <Link href={`/pipelines/${run.template_key}`} className="text-link underline-offset-4 hover:underline">{run.spec_slug} v{run.template_version}</Link> : <code className="text-xs">{run.spec_slug}</code>}
      {run.git_sha ? <span className="inline-flex items-center gap-1"><GitBranch className="size-3.5" aria-hidden /><code className="text-xs">{run.git_sha.slice(0, 8)}</code></span> : null}
      {repeats.length === 0 ? null : (
        <span className="inline-flex flex-wrap items-center gap-x-2">
          {words.runDetail.repeatedBy(repeats.map((repeat) => <Link key={repeat.run_id} href={`/runs/${repeat.run_id}`} className="inline-flex items-center gap-1 text-link underline-offset-4 hover:underline"><StatusBadge status={repeat.status} variant="icon" />{truncateMiddle(repeat.run_id)}</Link>))}
        </span>
      )}
      {run.repairs_run_id ? <Link href={`/runs/${run.repairs_run_id}`} className="text-link underline-offset-4 hover:underline">{words.runDetail.repeats(truncateMiddle(run.repairs_run_id))}</Link> : null}
    </>
  );
}
