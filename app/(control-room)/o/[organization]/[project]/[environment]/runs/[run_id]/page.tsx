import type { Metadata } from "next";
import { notFound, redirect } from "next/navigation";
import { connection } from "next/server";
import { stringify } from "yaml";
import { environmentPath } from "@/components/common/environment-path.ts";
import { RefusalState } from "@/components/common/refusal-state";
import { RunDetail } from "@/components/runs/run-detail";
import type { Rendered } from "@/components/runs/spec-panel";
import type { RunView } from "@/components/runs/use-run";
import { RememberVisit } from "@/components/shell/remember-visit";
import { uuid } from "@/contracts/common.ts";
import { atLeast } from "@/contracts/words.ts";
import { truncateMiddle } from "@/lib/format";
import { listArtifacts } from "@/lib/ops/artifacts.ts";
import { attempt } from "@/lib/ops/attempt.ts";
import { compareRuns } from "@/lib/ops/compare-runs.ts";
import { listExecutors } from "@/lib/ops/executors.ts";
import { listPhases } from "@/lib/ops/phases.ts";
import { baselineOf, changedInputs, eventHistory, specOf } from "@/lib/ops/runs-page.ts";
import { getRun, listRuns } from "@/lib/ops/runs.ts";
import { getTemplate } from "@/lib/ops/templates.ts";
import { specYaml } from "@/lib/spec-yaml.ts";
import { openEnvironment, pathOf, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/run";
import { cancelRunAction, retryRunAction } from "../actions.ts";

const repeatsShown = 5;

type PageProps = { params: Promise<EnvironmentParams & { run_id: string }> };

export async function generateMetadata({ params }: PageProps): Promise<Metadata> {
  return { title: words.runPage.run(truncateMiddle((await params).run_id)) };
}

export default async function RunPage({ params }: PageProps) {
  await connection();
  const runId = uuid.safeParse((await params).run_id);
  if (!runId.success) notFound();
  const { db, me, environment } = await openEnvironment(params);
  const read = await attempt(() => readRun(db, runId.data.toLowerCase()));
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.runPage.theRunCouldNotBeLoaded} />;
  }
  const { view, spec, template, executorName } = read.value;
  const home = me.environments.find((each) => each.environment_id === view.run.environment_id) ?? environment;
  // The switcher must name the environment of what is shown.
  if (home !== environment) redirect(`${environmentPath(pathOf(home))}/runs/${view.run.run_id}`);
  const { role } = environment;
  const title = template?.title ?? view.run.spec_slug;
  return (
    <>
      <RememberVisit href={`/runs/${view.run.run_id}`} title={title} detail={truncateMiddle(view.run.run_id)} />
      <RunDetail
        key={view.run.run_id}
        view={view}
        title={title}
        layer={template?.layer ?? null}
        executorName={executorName}
        spec={spec && { ...rendered(spec), yaml: specYaml(spec) }}
        parameters={rendered(view.run.parameters)}
        canOperate={role !== null && atLeast(role, "operator")}
        actions={{ retry: retryRunAction, cancel: cancelRunAction }}
      />
    </>
  );
}

async function readRun(db: Awaited<ReturnType<typeof openEnvironment>>["db"], runId: string) {
  // Events first: whatever happens after this moment comes over the stream, which goes on from the last one read here.
  const [events, run] = await Promise.all([eventHistory(db, runId), getRun(db, runId)]);
  const [phases, artifacts, baseline, repeats, spec, template, executors] = await Promise.all([
    listPhases(db, runId),
    listArtifacts(db, runId),
    baselineOf(db, run),
    listRuns(db, { environment_id: run.environment_id, repairs_run_id: runId, limit: repeatsShown }),
    specOf(db, run),
    run.template_key === null ? null : attempt(() => getTemplate(db, { template_key: run.template_key ?? "", project_id: run.project_id })),
    run.executor_id === null ? null : listExecutors(db, { project_id: run.project_id, limit: 200 }),
  ]);
  const comparison = baseline !== null && run.status === "succeeded" ? await compareRuns(db, baseline.run_id, runId) : null;
  const view: RunView = {
    run,
    phases: phases.items,
    artifacts: artifacts.items,
    events,
    baseline: baseline && { run_id: baseline.run_id, changed: changedInputs(baseline, run) },
    comparison,
    repeats: repeats.items.map(({ run_id, status }) => ({ run_id, status })),
    read_at: Date.now(),
  };
  return {
    view,
    spec,
    // A template that was deleted since only takes the title with it.
    template: template?.ok ? { title: template.value.title, layer: template.value.layer } : null,
    executorName: executors?.items.find((each) => each.executor_id === run.executor_id)?.name ?? null,
  };
}

function rendered(value: Record<string, unknown>): Rendered {
  return { yaml: stringify(value, { lineWidth: 0 }), json: JSON.stringify(value, null, 2) };
}
