import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { BackfillActions } from "@/components/backfills/backfill-actions";
import { BackfillProgress, BackfillStatus } from "@/components/backfills/backfill-progress";
import { ItemTable } from "@/components/backfills/item-table";
import { itemWords, reprocessChoices } from "@/components/backfills/words";
import { FilteredEmpty } from "@/components/common/empty-state";
import { FilterTabs } from "@/components/common/filter-tabs";
import { Link } from "@/components/common/link";
import { needsRole } from "@/components/common/needs-role";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { ZonedTime } from "@/components/common/zoned-time";
import { PageHeader } from "@/components/shell/page-header";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { backfillItem, itemOutcomes } from "@/contracts/backfill.ts";
import { uuid } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/backfills";
import { attempt } from "@/lib/ops/attempt.ts";
import { getBackfill, listBackfillItems } from "@/lib/ops/backfills.ts";
import { cancelBackfillAction, pauseBackfillAction, resumeBackfillAction } from "../actions.ts";

export const metadata: Metadata = { title: messages.page.backfills };
const pageSize = 100;
const refreshMs = 3_000;

type PageProps = { params: Promise<EnvironmentParams & { backfill_id: string }>; searchParams: SearchParams };

export default async function BackfillPage({ params, searchParams }: PageProps) {
  await connection();
  const id = uuid.safeParse((await params).backfill_id);
  if (!id.success) notFound();
  const query = await searchParams;
  const outcome = backfillItem.shape.outcome.safeParse(one(query.outcome));
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(() => Promise.all([getBackfill(db, id.data), listBackfillItems(db, id.data, { outcome: outcome.data, limit: pageSize, cursor: one(query.cursor) })]));
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.backfillPage.theBackfillCouldNotBeLoaded} />;
  }
  const [backfill, items] = read.value;
  // A backfill of another environment is none of this one's.
  if (backfill.environment_id !== environment.environment_id) notFound();
  const address = `/backfills/${backfill.backfill_id}`;
  return (
    <>
      {backfill.progress.queued + backfill.progress.running > 0 || backfill.status === "active" ? <RefreshEvery milliseconds={refreshMs} /> : null}
      <PageHeader
        crumbs={[{ href: "/backfills", label: messages.page.backfills }]}
        title={words.backfillPage.backfillOf(backfill.template_key)}
        mark={<><BackfillStatus status={backfill.status} /><ShortId id={backfill.backfill_id} what={words.backfillPage.backfillId} /></>}
        meta={
          <>
            <span className="inline-flex items-center gap-1">{words.backfillPage.from(<ZonedTime at={backfill.range_start} timeZone={backfill.time_zone} />)}</span>
            <span className="inline-flex items-center gap-1">{words.backfillPage.before(<ZonedTime at={backfill.range_end} timeZone={backfill.time_zone} />)}</span>
            <span>{words.backfillPage.partitionsAtIn(<code className="text-xs">{backfill.cron}</code>, backfill.time_zone)}</span>
            <Link href={`/pipelines/${backfill.template_key}`} className="text-link underline-offset-4 hover:underline">{backfill.template_key} v{backfill.template_version}</Link>
            {backfill.schedule_id === null ? null : <Link href={`/schedules/${backfill.schedule_id}`} className="text-link underline-offset-4 hover:underline">{words.backfillPage.itsSchedule}</Link>}
            <span>{words.backfillPage.choiceOrderAtOnce(reprocessChoices.find(({ value }) => value === backfill.reprocess)?.label, backfill.direction === "oldest_first" ? words.backfillPage.oldestFirst : words.backfillPage.newestFirst, backfill.max_active)}</span>
            <span className="inline-flex items-center gap-1">{backfill.created_by ? words.backfillPage.madeBy(<Time at={backfill.created_at} />, backfill.created_by) : words.backfillPage.made(<Time at={backfill.created_at} />)}</span>
          </>
        }
        actions={<BackfillActions backfill={backfill} refused={needsRole(environment.role, "operator")} actions={{ pause: pauseBackfillAction, resume: resumeBackfillAction, cancel: cancelBackfillAction }} />}
      />
      {backfill.note === null ? null : <Alert><AlertDescription>{backfill.note}</AlertDescription></Alert>}
      <BackfillProgress backfill={backfill} explained className="max-w-3xl" />
      <section className="grid min-w-0 gap-2" aria-labelledby="partitions">
        <h2 id="partitions" className="text-sm font-semibold">{words.backfillPage.partitions}</h2>
        <FilterTabs label={words.backfillPage.outcome} address={address} name="outcome" options={itemOutcomes.map((value) => ({ value, word: itemWords[value] }))} current={outcome.data} />
        {items.items.length === 0 ? <FilteredEmpty clearHref={address} description={words.backfillPage.noPartitionOfThisBackfill} /> : <ItemTable items={items.items} timeZone={backfill.time_zone} />}
        {items.next_cursor ? (
          <nav aria-label={words.backfillPage.pagesOfPartitions} className="flex justify-end">
            <Button asChild variant="outline" size="sm"><Link href={`${address}?${new URLSearchParams({ ...(outcome.success ? { outcome: outcome.data } : {}), cursor: items.next_cursor })}`}>{words.backfillPage.laterOnes}</Link></Button>
          </nav>
        ) : null}
      </section>
    </>
  );
}
