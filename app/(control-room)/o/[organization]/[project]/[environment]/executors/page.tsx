import type { Metadata } from "next";
import { Plus } from "lucide-react";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { ExecutorTable } from "@/components/executors/executor-table";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/executors";
import { attempt } from "@/lib/ops/attempt.ts";
import { executorRows } from "@/lib/ops/executors-page.ts";

export const metadata: Metadata = { title: messages.page.executors };
const pageSize = 50;
const refreshMs = 10_000;

export default async function Executors({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const cursor = one((await searchParams).cursor);
  const read = await attempt(() => executorRows(db, { project_id: environment.project_id, limit: pageSize, cursor }));
  return (
    <>
      <PageHeader
        title={messages.page.executors}
        meta={<span>{words.page.ofTheProject(environment.project_name)}</span>}
        actions={<Button asChild><Link href="/executors/new"><Plus aria-hidden />{words.page.addExecutor}</Link></Button>}
      />
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : read.value.items.length === 0 ? (
        cursor === undefined ? (
          <EmptyState title={words.page.noExecutorYet} description={words.page.noExecutorYetDescription} action={<Button asChild variant="outline"><Link href="/executors/new">{words.page.addExecutor}</Link></Button>} />
        ) : (
          <EmptyState title={words.page.noMoreExecutors} action={<Button asChild variant="outline"><Link href="/executors">{words.page.toTheFirstOnes}</Link></Button>} />
        )
      ) : (
        <>
          <RefreshEvery milliseconds={refreshMs} />
          <ExecutorTable executors={read.value.items} />
          {read.value.next_cursor ? (
            <nav aria-label={words.page.pagesOfExecutors} className="flex justify-end">
              <Button asChild variant="outline" size="sm"><Link href={`/executors?cursor=${read.value.next_cursor}`}>{words.page.nextPage}</Link></Button>
            </nav>
          ) : null}
        </>
      )}
    </>
  );
}
