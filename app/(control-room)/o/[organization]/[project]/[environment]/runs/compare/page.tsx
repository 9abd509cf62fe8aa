import type { Metadata } from "next";
import { Link } from "@/components/common/link";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { EmptyState } from "@/components/common/empty-state";
import { RefusalState } from "@/components/common/refusal-state";
import { CompareView, type ComparedRun } from "@/components/runs/compare-view";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { uuid } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { compareRuns } from "@/lib/ops/compare-runs.ts";
import { listExecutors } from "@/lib/ops/executors.ts";
import { listPhases } from "@/lib/ops/phases.ts";
import { getRun } from "@/lib/ops/runs.ts";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/compare";

export const metadata: Metadata = { title: words.comparePage.compareRuns };

export default async function CompareRuns({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const query = await searchParams;
  const header = <PageHeader crumbs={[{ href: "/runs", label: messages.page.runs }]} title={words.comparePage.compareRuns} />;
  const [a, b] = [uuid.safeParse(one(query.a)), uuid.safeParse(one(query.b))];
  if (!a.success || !b.success) {
    return (
      <>
        {header}
        <EmptyState title={words.comparePage.twoRunsAreNeeded} description={words.comparePage.twoRunsAreNeededDescription} action={<Button asChild><Link href="/runs">{words.comparePage.toTheRuns}</Link></Button>} />
      </>
    );
  }
  const { db } = await openEnvironment(params);
  const side = async (runId: string): Promise<ComparedRun> => {
    const [run, phases] = await Promise.all([getRun(db, runId), listPhases(db, runId)]);
    const executors = run.executor_id === null ? [] : (await listExecutors(db, { project_id: run.project_id, limit: 200 })).items;
    return { run, phases: phases.items, executorName: executors.find((each) => each.executor_id === run.executor_id)?.name ?? null };
  };
  const read = await attempt(() => Promise.all([side(a.data), side(b.data), compareRuns(db, a.data, b.data)]));
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.comparePage.theRunsCouldNotBeCompared} />;
  }
  const [left, right, comparison] = read.value;
  return (
    <>
      {header}
      <CompareView a={left} b={right} comparison={comparison} />
    </>
  );
}
