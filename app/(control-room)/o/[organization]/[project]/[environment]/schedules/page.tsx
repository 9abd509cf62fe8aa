import { Plus } from "lucide-react";
import type { Metadata } from "next";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState, FilteredEmpty } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { needsRole } from "@/components/common/needs-role";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { ClockTabs } from "@/components/schedules/clock-tabs";
import { ScheduleTable } from "@/components/schedules/schedule-table";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { word } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/schedules";
import { attempt } from "@/lib/ops/attempt.ts";
import { listSchedules } from "@/lib/ops/schedules.ts";
import { templateChoices } from "@/lib/ops/schedules-page.ts";

export const metadata: Metadata = { title: messages.page.schedules };
const pageSize = 50;
const refreshMs = 30_000;

export default async function Schedules({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const query = await searchParams;
  const pipeline = word.safeParse(one(query.pipeline));
  const cursor = one(query.cursor);
  const { db, environment } = await openEnvironment(params);
  const { environment_id, project_id, role } = environment;
  const refused = needsRole(role, "editor");
  const filter: Record<string, string> = pipeline.success ? { pipeline: pipeline.data } : {};
  const read = await attempt(() => Promise.all([listSchedules(db, { environment_id, template_key: pipeline.data, limit: pageSize, cursor }), templateChoices(db, project_id)]));
  const made = refused === null
    ? <Button asChild><Link href={`/schedules/new?${new URLSearchParams(filter)}`}><Plus aria-hidden />{words.page.newSchedule}</Link></Button>
    : <Tooltip content={refused}><Button aria-disabled><Plus aria-hidden />{words.page.newSchedule}</Button></Tooltip>;
  const header = (
    <>
      <PageHeader title={messages.page.schedules} meta={pipeline.success ? <span>{words.page.ofThePipeline(pipeline.data)}</span> : <span>{words.page.runsByTheClock}</span>} actions={made} />
      <ClockTabs current="/schedules" />
    </>
  );
  if (!read.ok) return <>{header}<RefusalState refusal={read.refusal} /></>;
  const [{ items, next_cursor }, templates] = read.value;
  return (
    <>
      {header}
      <RefreshEvery milliseconds={refreshMs} />
      {items.length > 0 ? (
        <ScheduleTable schedules={items} titles={Object.fromEntries(templates.map(({ template_key, title }) => [template_key, title]))} />
      ) : pipeline.success || cursor !== undefined ? (
        <FilteredEmpty clearHref="/schedules" />
      ) : (
        <EmptyState title={words.page.noScheduleYet} description={words.page.noScheduleYetDescription} action={refused === null ? made : null} />
      )}
      {next_cursor ? (
        <nav aria-label={words.page.pagesOfSchedules} className="flex justify-end">
          <Button asChild variant="outline" size="sm"><Link href={`/schedules?${new URLSearchParams({ ...filter, cursor: next_cursor })}`}>{words.page.nextPage}</Link></Button>
        </nav>
      ) : null}
    </>
  );
}
