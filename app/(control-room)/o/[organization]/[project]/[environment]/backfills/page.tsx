import type { Metadata } from "next";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { BackfillDialog } from "@/components/backfills/backfill-dialog";
import { BackfillTable } from "@/components/backfills/backfill-table";
import { statusLooks } from "@/components/backfills/words";
import { EmptyState, FilteredEmpty } from "@/components/common/empty-state";
import { FilterTabs } from "@/components/common/filter-tabs";
import { Link } from "@/components/common/link";
import { needsRole } from "@/components/common/needs-role";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { ClockTabs } from "@/components/schedules/clock-tabs";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { backfill, backfillStatuses } from "@/contracts/backfill.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/backfills";
import { attempt } from "@/lib/ops/attempt.ts";
import { listBackfills } from "@/lib/ops/backfills.ts";
import { templateChoices, timeZones } from "@/lib/ops/schedules-page.ts";
import { createBackfillAction, previewBackfillAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.backfills };
const pageSize = 50;
const refreshMs = 5_000;

export default async function Backfills({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const query = await searchParams;
  const status = backfill.shape.status.safeParse(one(query.status));
  const cursor = one(query.cursor);
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(() => Promise.all([listBackfills(db, { environment_id: environment.environment_id, status: status.data, limit: pageSize, cursor }), templateChoices(db, environment.project_id)]));
  const where = { environment: environment.slug, project: environment.project_slug };
  const templates = read.ok ? read.value[1] : [];
  const dialog = templates.length === 0 ? null : (
    <BackfillDialog schedule={null} variant="default" templates={templates} zones={timeZones()} refused={needsRole(environment.role, "operator")} makers={{ preview: previewBackfillAction.bind(null, where), create: createBackfillAction.bind(null, where) }} />
  );
  return (
    <>
      <PageHeader title={messages.page.backfills} meta={<span>{words.page.oneRunForEachPartition}</span>} actions={dialog} />
      <ClockTabs current="/backfills" />
      <FilterTabs label={words.page.status} address="/backfills" name="status" options={backfillStatuses.map((value) => ({ value, word: statusLooks[value].word }))} current={status.data} />
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : read.value[0].items.length === 0 ? (
        status.success || cursor !== undefined ? <FilteredEmpty clearHref="/backfills" /> : <EmptyState title={words.page.noBackfillYet} description={words.page.noBackfillYetDescription} />
      ) : (
        <>
          {read.value[0].items.some((each) => each.status === "active") ? <RefreshEvery milliseconds={refreshMs} /> : null}
          <BackfillTable backfills={read.value[0].items} titles={Object.fromEntries(templates.map(({ template_key, title }) => [template_key, title]))} />
          {read.value[0].next_cursor ? (
            <nav aria-label={words.page.pagesOfBackfills} className="flex justify-end">
              <Button asChild variant="outline" size="sm"><Link href={`/backfills?${new URLSearchParams({ ...(status.success ? { status: status.data } : {}), cursor: read.value[0].next_cursor })}`}>{words.page.older}</Link></Button>
            </nav>
          ) : null}
        </>
      )}
    </>
  );
}
