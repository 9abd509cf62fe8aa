import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { needsRole } from "@/components/common/needs-role";
import { RefusalState } from "@/components/common/refusal-state";
import { ScheduleForm } from "@/components/schedules/schedule-form";
import { PageHeader } from "@/components/shell/page-header";
import { uuid } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/schedules";
import { attempt } from "@/lib/ops/attempt.ts";
import { getSchedule } from "@/lib/ops/schedules.ts";
import { templateChoices, timeZones } from "@/lib/ops/schedules-page.ts";
import { changeScheduleAction } from "../../actions.ts";

export const metadata: Metadata = { title: words.editPage.editASchedule };

export default async function EditSchedule({ params }: { params: Promise<EnvironmentParams & { schedule_id: string }> }) {
  await connection();
  const id = uuid.safeParse((await params).schedule_id);
  if (!id.success) notFound();
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(() => Promise.all([getSchedule(db, id.data), templateChoices(db, environment.project_id)]));
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.editPage.theScheduleCouldNotBeLoaded} />;
  }
  const [schedule, templates] = read.value;
  if (schedule.environment_id !== environment.environment_id) notFound();
  return (
    <>
      <PageHeader crumbs={[{ href: "/schedules", label: messages.page.schedules }, { href: `/schedules/${schedule.schedule_id}`, label: schedule.name }]} title={words.editPage.edit(schedule.name)} />
      <ScheduleForm schedule={schedule} templates={templates} templateKey={schedule.template_key} zones={timeZones()} refused={needsRole(environment.role, "editor")} saveAction={changeScheduleAction.bind(null, schedule.schedule_id)} />
    </>
  );
}
