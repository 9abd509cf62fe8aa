import { Play } from "lucide-react";
import type { Metadata } from "next";
import { Link } from "@/components/common/link";
import { connection } from "next/server";
import { RefusalState } from "@/components/common/refusal-state";
import { loadRunListState, runListKey, runListQuery } from "@/components/runs/list-state";
import { RunList } from "@/components/runs/run-list";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { atLeast } from "@/contracts/words.ts";
import { listRunsQuery } from "@/contracts/run.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { listExecutors } from "@/lib/ops/executors.ts";
import { listRuns } from "@/lib/ops/runs.ts";
import { listTemplates } from "@/lib/ops/templates.ts";
import { openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { openViews } from "@/app/(control-room)/default-view.ts";
import { ListViews } from "@/app/(control-room)/list-views";
import { words } from "@/lib/messages/runs";
import { abortBulkAction, countBulkAction, createBulkAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.runs };
/** More pipelines than this are found by the search field. */
const pipelinesToChoose = 200;
const bulkActions = { count: countBulkAction, create: createBulkAction, abort: abortBulkAction };

export default async function Runs({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const { environment_id, project_id } = environment;
  const now = Date.now();
  const state = await loadRunListState(searchParams);
  const [views, page, names] = await Promise.all([
    openViews(db, environment, "runs", await searchParams),
    attempt(async () => listRuns(db, listRunsQuery.parse(runListQuery(state, environment_id, now)))),
    attempt(async () => {
      const [templates, executors] = await Promise.all([listTemplates(db, { project_id, limit: pipelinesToChoose }), listExecutors(db, { project_id, limit: 200 })]);
      return {
        templates: templates.items.map(({ template_key, title, layer, tags }) => ({ template_key, title, layer, tags })),
        executors: Object.fromEntries(executors.items.map((each) => [each.executor_id, each.name])),
      };
    }),
  ]);
  return (
    <>
      <PageHeader
        title={messages.page.runs}
        actions={
          <>
            <ListViews list="runs" environment={environment} views={views} />
            <Button asChild>
              <Link href="/pipelines">
                <Play aria-hidden />
                {words.page.runAPipeline}
              </Link>
            </Button>
          </>
        }
      />
      {page.ok && names.ok ? (
        <RunList environmentId={environment_id} initial={page.value} initialKey={runListKey(state, environment_id)} readAt={now} canOperate={environment.role !== null && atLeast(environment.role, "operator")} bulkActions={bulkActions} {...names.value} />
      ) : (
        <RefusalState refusal={page.ok ? (names as Extract<typeof names, { ok: false }>).refusal : page.refusal} />
      )}
    </>
  );
}
