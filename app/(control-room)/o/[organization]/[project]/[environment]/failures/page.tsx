import { CircleCheck } from "lucide-react";
import type { Metadata } from "next";
import { connection } from "next/server";
import { openViews } from "@/app/(control-room)/default-view.ts";
import { ListViews } from "@/app/(control-room)/list-views";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { LinkTabs } from "@/components/common/link-tabs";
import { needsRole } from "@/components/common/needs-role";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { FailureTable } from "@/components/failures/failure-table";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/failures";
import { attempt } from "@/lib/ops/attempt.ts";
import { listFailures } from "@/lib/ops/failures.ts";
import { templateChoices } from "@/lib/ops/schedules-page.ts";
import { markFailureAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.failures };
const refreshMs = 15_000;
const tabs = [{ state: "open", href: "/failures?state=open", word: words.page.open }, { state: "marked", href: "/failures?state=marked", word: words.page.acknowledgedAndWaived }] as const;

export default async function Failures({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const query = await searchParams;
  const state = one(query.state) === "marked" ? "marked" : "open";
  const { db, environment } = await openEnvironment(params);
  const views = await openViews(db, environment, "failures", query);
  const read = await attempt(() => Promise.all([listFailures(db, environment.environment_id, state), templateChoices(db, environment.project_id)]));
  return (
    <>
      <PageHeader title={messages.page.failures} meta={<span>{words.page.aFailedRunStaysHere}</span>} actions={<ListViews list="failures" environment={environment} views={views} />} />
      <LinkTabs label={words.page.state} tabs={tabs.map((tab) => ({ ...tab, current: tab.state === state }))} />
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : (
        <>
          <RefreshEvery milliseconds={refreshMs} />
          {read.value[0].length > 0 ? (
            <FailureTable failures={read.value[0]} titles={Object.fromEntries(read.value[1].map(({ template_key, title }) => [template_key, title]))} refused={needsRole(environment.role, "operator")} markAction={markFailureAction} />
          ) : state === "open" ? (
            <EmptyState icon={CircleCheck} title={words.page.nothingIsLeftToDealWith} description={words.page.nothingIsLeftToDealWithDescription} />
          ) : (
            <EmptyState title={words.page.nothingWasMarkedYet} description={words.page.nothingWasMarkedYetDescription} />
          )}
        </>
      )}
    </>
  );
}
