import { CirclePause } from "lucide-react";
import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import type { ReactNode } from "react";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { BackfillDialog } from "@/components/backfills/backfill-dialog";
import { CodeBlock } from "@/components/common/code-block";
import { EmptyState, FilteredEmpty } from "@/components/common/empty-state";
import { FilterTabs } from "@/components/common/filter-tabs";
import { Link } from "@/components/common/link";
import { needsRole } from "@/components/common/needs-role";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { FireTable } from "@/components/schedules/fire-table";
import { NextTimes } from "@/components/schedules/next-times";
import { ScheduleActions } from "@/components/schedules/schedule-actions";
import { ScheduleFacts } from "@/components/schedules/schedule-facts";
import { ScheduleStatus } from "@/components/schedules/schedule-status";
import { CronWords } from "@/components/schedules/schedule-table";
import { outcomeWords } from "@/components/schedules/words";
import { PageHeader } from "@/components/shell/page-header";
import { RememberVisit } from "@/components/shell/remember-visit";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { uuid } from "@/contracts/common.ts";
import { fireOutcomes, scheduleFire } from "@/contracts/schedule.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/schedules";
import { attempt } from "@/lib/ops/attempt.ts";
import { getSchedule, listFires, previewSchedule } from "@/lib/ops/schedules.ts";
import { runStatuses, templateChoices, timeZones } from "@/lib/ops/schedules-page.ts";
import { createBackfillAction, previewBackfillAction } from "../../backfills/actions.ts";
import { deleteScheduleAction, pauseScheduleAction, resumeScheduleAction, runScheduleAction } from "../actions.ts";

export const metadata: Metadata = { title: messages.page.schedules };
const nextShown = 10;
const pageSize = 50;
const refreshMs = 10_000;

type PageProps = { params: Promise<EnvironmentParams & { schedule_id: string }>; searchParams: SearchParams };

export default async function SchedulePage({ params, searchParams }: PageProps) {
  await connection();
  const id = uuid.safeParse((await params).schedule_id);
  if (!id.success) notFound();
  const query = await searchParams;
  const outcome = scheduleFire.shape.outcome.safeParse(one(query.outcome));
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(async () => {
    const [schedule, times, fires, templates] = await Promise.all([
      getSchedule(db, id.data), previewSchedule(db, id.data, { count: nextShown }), listFires(db, id.data, { outcome: outcome.data, limit: pageSize, cursor: one(query.cursor) }), templateChoices(db, environment.project_id),
    ]);
    return { schedule, times: times.items, fires, templates, statuses: await runStatuses(db, fires.items.map(({ run_id }) => run_id)) };
  });
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.schedulePage.theScheduleCouldNotBeLoaded} />;
  }
  const { schedule, times, fires, templates, statuses } = read.value;
  // A schedule of another environment is none of this one's.
  if (schedule.environment_id !== environment.environment_id) notFound();
  const refusedToOperate = needsRole(environment.role, "operator");
  const where = { environment: environment.slug, project: environment.project_slug };
  const address = `/schedules/${schedule.schedule_id}`;
  const template = templates.find(({ template_key }) => template_key === schedule.template_key);
  return (
    <>
      <RefreshEvery milliseconds={refreshMs} />
      <RememberVisit href={address} title={schedule.name} detail={words.schedulePage.schedule} />
      <PageHeader
        crumbs={[{ href: "/schedules", label: messages.page.schedules }]}
        title={schedule.name}
        mark={<><ScheduleStatus schedule={schedule} /><ShortId id={schedule.schedule_id} what={words.schedulePage.scheduleId} /></>}
        meta={
          <>
            <span>{words.schedulePage.inZone(<CronWords cron={schedule.cron} />, schedule.time_zone)}</span>
            <Link href={`/pipelines/${schedule.template_key}`} className="text-link underline-offset-4 hover:underline">{template?.title ?? schedule.template_key}</Link>
            <span className="inline-flex items-center gap-1">{words.schedulePage.next(<Time at={schedule.next_time} absent={schedule.paused_at === null ? words.schedulePage.noneToCome : words.schedulePage.noneWhilePaused} />)}</span>
          </>
        }
        actions={
          <>
            <ScheduleActions schedule={schedule} refusedToOperate={refusedToOperate} refusedToEdit={needsRole(environment.role, "editor")} actions={{ pause: pauseScheduleAction, resume: resumeScheduleAction, run: runScheduleAction, remove: deleteScheduleAction }} />
            <BackfillDialog schedule={schedule} templates={template ? [template] : []} zones={timeZones()} refused={refusedToOperate} makers={{ preview: previewBackfillAction.bind(null, where), create: createBackfillAction.bind(null, where) }} />
          </>
        }
      />
      {schedule.paused_at === null ? null : (
        <Alert variant="warning">
          <CirclePause aria-hidden />
          <AlertTitle>{pausedWords(schedule.paused_by === schedule.name ? null : schedule.paused_by, <Time at={schedule.paused_at} />)}</AlertTitle>
          <AlertDescription>{schedule.paused_note ?? words.schedulePage.withoutANoteNothingFires}</AlertDescription>
        </Alert>
      )}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 xl:grid-cols-2">
        <section className="grid min-w-0 gap-2" aria-labelledby="next">
          <h2 id="next" className="text-sm font-semibold">{schedule.paused_at === null ? words.schedulePage.nextTimes : words.schedulePage.itsTimesWereItResumedNow}</h2>
          <NextTimes times={times} timeZone={schedule.time_zone} />
        </section>
        <section className="grid min-w-0 gap-2" aria-labelledby="policies">
          <h2 id="policies" className="text-sm font-semibold">{words.schedulePage.howItRuns}</h2>
          <ScheduleFacts schedule={schedule} />
          {Object.keys(schedule.parameters).length === 0 ? null : <CodeBlock label={words.schedulePage.parameters} text={JSON.stringify(schedule.parameters, null, 2)} />}
        </section>
      </div>
      <section className="grid min-w-0 gap-2" aria-labelledby="fires">
        <h2 id="fires" className="text-sm font-semibold">{words.schedulePage.firedTimes}</h2>
        <FilterTabs label={words.schedulePage.outcome} address={address} name="outcome" options={fireOutcomes.filter((each) => each !== "dropped").map((value) => ({ value, word: outcomeWords[value].word }))} current={outcome.data} />
        {fires.items.length > 0 ? <FireTable fires={fires.items} statuses={statuses} /> : outcome.success ? <FilteredEmpty clearHref={address} /> : <EmptyState title={words.schedulePage.itHasNotFiredYet} description={words.schedulePage.itHasNotFiredYetDescription} className="py-6" />}
        {fires.next_cursor ? (
          <nav aria-label={words.schedulePage.pagesOfFiredTimes} className="flex justify-end">
            <Button asChild variant="outline" size="sm"><Link href={`${address}?${new URLSearchParams({ ...(outcome.success ? { outcome: outcome.data } : {}), cursor: fires.next_cursor })}`}>{words.schedulePage.older}</Link></Button>
          </nav>
        ) : null}
      </section>
    </>
  );
}

/** `person` is null where the schedule paused itself. */
function pausedWords(person: string | null | undefined, time: ReactNode): ReactNode {
  if (person === null) return words.schedulePage.pausedByItself(time);
  return person ? words.schedulePage.pausedBy(time, person) : words.schedulePage.paused(time);
}
