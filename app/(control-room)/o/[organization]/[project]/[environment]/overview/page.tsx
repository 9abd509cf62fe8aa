import { Play } from "lucide-react";
import type { Metadata } from "next";
import { connection } from "next/server";
import type { ReactNode } from "react";
import { openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { attentionOf } from "@/components/overview/attention";
import { AttentionList } from "@/components/overview/attention-list";
import { FigureStrip } from "@/components/overview/figure-strip";
import { ChecklistCard } from "@/components/overview/checklist-card";
import { figuresOf } from "@/components/overview/figures";
import { NextScheduled, RunningNow } from "@/components/overview/now-and-next";
import { PipelineDots } from "@/components/overview/pipeline-dots";
import { RangePicker } from "@/components/overview/range-picker";
import { loadRange, windowOf } from "@/components/overview/range-state";
import { StatusBars } from "@/components/overview/status-bars";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/overview";
import { attempt } from "@/lib/ops/attempt.ts";
import { listCaps } from "@/lib/ops/caps.ts";
import { readChecklist } from "@/lib/ops/checklist.ts";
import { listExecutors } from "@/lib/ops/executors.ts";
import { listFreshness } from "@/lib/ops/freshness.ts";
import { nextSchedules, readOverview, runningNow, selfPausedSchedules, staleLeases } from "@/lib/ops/overview-page.ts";
import { latestRuns } from "@/lib/ops/pipelines-page.ts";
import { listTemplates } from "@/lib/ops/templates.ts";

import { setChecklistAction } from "../settings/actions.ts";

export const metadata: Metadata = { title: messages.page.overview };
const pipelinesShown = 12;
const dots = 10;
const refreshMs = 15_000;

export default async function OverviewPage({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const state = await loadRange(searchParams);
  const { db, environment } = await openEnvironment(params);
  const { environment_id, project_id } = environment;
  const now = Date.now();
  const window = windowOf(state, now);
  const read = await attempt(async () => {
    const templates = listTemplates(db, { project_id, limit: 200 });
    const [checklist, overview, running, next, schedules, leases, stale, caps, executors, { items }, runs] = await Promise.all([
      readChecklist(db, environment_id),
      readOverview(db, environment_id, window), runningNow(db, environment_id), nextSchedules(db, environment_id), selfPausedSchedules(db, environment_id), staleLeases(db, environment_id),
      listFreshness(db, { environment_id, state: "breached", limit: 200 }), listCaps(db, { environment_id, limit: 100 }), listExecutors(db, { project_id, limit: 200 }), templates,
      templates.then((page) => latestRuns(db, environment_id, page.items.slice(0, pipelinesShown).map((each) => each.template_key), dots)),
    ]);
    return { checklist, overview, running, next, schedules, leases, stale: stale.items, caps: caps.items, executors: executors.items, templates: items, runs };
  });
  const header = (
    <PageHeader
      title={messages.page.overview}
      actions={<><RangePicker shown={window} /><Button asChild><Link href="/pipelines"><Play aria-hidden />{words.page.runAPipeline}</Link></Button></>}
    />
  );
  if (!read.ok) return <>{header}<RefusalState refusal={read.refusal} /></>;
  const { checklist, overview, running, next, templates, runs, ...troubles } = read.value;
  const titles = Object.fromEntries(templates.map(({ template_key, title }) => [template_key, title]));
  const query = window.custom || window.to < now ? String(new URLSearchParams({ from: new Date(window.from).toISOString(), to: new Date(window.to).toISOString() })) : `range=${state.range}`;
  return (
    <>
      {header}
      <RefreshEvery milliseconds={refreshMs} />
      <ChecklistCard checklist={checklist} dismiss={setChecklistAction.bind(null, project_id, true)} />
      <FigureStrip figures={figuresOf(overview)} query={query} />
      <Panel title={words.page.needsAttention} more={{ href: "/failures", text: words.page.allFailures }}><AttentionList items={attentionOf({ ...troubles, failing: overview.failing, titles })} /></Panel>
      <div className="grid gap-6 lg:grid-cols-[minmax(0,2fr)_minmax(16rem,1fr)]">
        <div className="grid min-w-0 content-start gap-6">
          <Panel title={words.page.runsByStatus}><StatusBars steps={overview.steps} step={window.step} to={window.to} query={query} /></Panel>
          <Panel title={words.page.pipelines} more={{ href: "/pipelines", text: words.page.allPipelines }}>
            {templates.length === 0 ? <EmptyState title={words.page.noPipelineYet} snippet="npx control-room pipeline validate pipelines/odoo_ingest_bronze.yml" className="rounded-md border py-8" /> : <PipelineDots templates={templates.slice(0, pipelinesShown)} runs={runs} />}
          </Panel>
        </div>
        <div className="grid min-w-0 content-start gap-6">
          <Panel title={words.page.runningNow} more={{ href: "/runs?status=running,claimed", text: words.page.all }}><div className="rounded-md border"><RunningNow runs={running} titles={titles} /></div></Panel>
          <Panel title={words.page.nextScheduled} more={{ href: "/schedules", text: words.page.all }}><div className="rounded-md border"><NextScheduled schedules={next} titles={titles} /></div></Panel>
        </div>
      </div>
    </>
  );
}

function Panel({ title, more, children }: { title: string; more?: { href: string; text: string }; children: ReactNode }) {
  return (
    <section className="grid min-w-0 content-start gap-1.5" aria-label={title}>
      <div className="flex min-h-6 items-center justify-between gap-2">
        <h2 className="font-semibold">{title}</h2>
        {more ? <Link href={more.href} className="inline-flex min-h-6 items-center text-xs text-link hover:underline">{more.text}</Link> : null}
      </div>
      {children}
    </section>
  );
}
