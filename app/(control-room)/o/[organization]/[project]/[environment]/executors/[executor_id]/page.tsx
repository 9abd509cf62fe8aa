import type { Metadata } from "next";
import { CirclePause } from "lucide-react";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { ExecutorActions } from "@/components/executors/executor-actions";
import { ExecutorStatus } from "@/components/executors/executor-status";
import { queueWords } from "@/components/executors/executor-table";
import { LeaseTable } from "@/components/executors/lease-table";
import { RunTable } from "@/components/runs/run-table";
import { PageHeader } from "@/components/shell/page-header";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";
import { uuid } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/executors";
import { attempt } from "@/lib/ops/attempt.ts";
import { executorPage } from "@/lib/ops/executors-page.ts";
import { managesProject } from "@/lib/ops/members.ts";
import { deleteExecutorAction, drainExecutorAction, enableExecutorAction, rotateTokenAction } from "../actions.ts";

export const metadata: Metadata = { title: messages.page.executors };
const refreshMs = 5_000;

export default async function ExecutorPage({ params }: { params: Promise<EnvironmentParams & { executor_id: string }> }) {
  await connection();
  const id = uuid.safeParse((await params).executor_id);
  if (!id.success) notFound();
  const { db, me, environment } = await openEnvironment(params);
  const read = await attempt(() => Promise.all([executorPage(db, id.data, environment.environment_id), managesProject(db, me.id, environment)]));
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.executorPage.theExecutorCouldNotBeLoaded} />;
  }
  const [{ executor, leases, runs }, canManage] = read.value;
  // An executor of another project is none of this environment's.
  if (executor.project_id !== environment.project_id) notFound();
  return (
    <>
      <RefreshEvery milliseconds={refreshMs} />
      <PageHeader
        crumbs={[{ href: "/executors", label: messages.page.executors }]}
        title={executor.name}
        mark={<><ExecutorStatus executor={executor} /><ShortId id={executor.executor_id} what={words.executorPage.executorId} /></>}
        meta={
          <>
            <span>{words.executorPage.lastHeartbeat(<Time at={executor.last_seen_at} absent={messages.time.never} />)}</span>
            <span>{words.executorPage.worksIn(executor.environments.map((each) => each.slug).join(", ") || words.executorPage.noEnvironmentThatYouSee)}</span>
            <span>{words.executorPage.queues(queueWords(executor))}</span>
            {executor.version ? <span>{words.executorPage.version(executor.version)}</span> : null}
            {executor.hostname ? <span className="break-all">{words.executorPage.on(executor.hostname)}</span> : null}
            <span>{words.executorPage.made(<Time at={executor.created_at} />)}</span>
          </>
        }
      />
      {executor.draining_since ? (
        <Alert variant="warning">
          <CirclePause aria-hidden />
          <AlertTitle>{words.executorPage.drained(<Time at={executor.draining_since} />)}</AlertTitle>
          <AlertDescription>{executor.drain_comment ?? words.executorPage.withoutACommentItGets}</AlertDescription>
        </Alert>
      ) : null}
      <ExecutorActions executor={executor} canManage={canManage} actions={{ drain: drainExecutorAction, enable: enableExecutorAction, rotate: rotateTokenAction, remove: deleteExecutorAction }} />
      <section className="grid min-w-0 gap-2" aria-labelledby="leases">
        <h2 id="leases" className="text-sm font-semibold">{words.executorPage.leases}</h2>
        {leases.length === 0 ? <EmptyState title={words.executorPage.itHoldsNothing} description={words.executorPage.itHoldsNothingDescription} className="py-6" /> : <LeaseTable leases={leases} />}
      </section>
      <section className="grid min-w-0 gap-2" aria-labelledby="recent-runs">
        <h2 id="recent-runs" className="text-sm font-semibold">{words.executorPage.recentRunsIn(environment.name)}</h2>
        {runs.length === 0 ? <EmptyState title={words.executorPage.noRunYet} description={words.executorPage.noRunYetDescription} className="py-6" /> : <RunTable runs={runs} templates={[]} executors={{ [executor.executor_id]: executor.name }} active={null} />}
      </section>
    </>
  );
}
