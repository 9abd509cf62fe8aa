import type { Metadata } from "next";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { needsRole } from "@/components/common/needs-role";
import { RefusalState } from "@/components/common/refusal-state";
import { ScheduleForm } from "@/components/schedules/schedule-form";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/schedules";
import { attempt } from "@/lib/ops/attempt.ts";
import { templateChoices, timeZones } from "@/lib/ops/schedules-page.ts";
import { createScheduleAction } from "../actions.ts";

export const metadata: Metadata = { title: words.newPage.newSchedule };

export default async function NewSchedule({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const wanted = one((await searchParams).pipeline);
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(() => templateChoices(db, environment.project_id));
  const header = <PageHeader crumbs={[{ href: "/schedules", label: messages.page.schedules }]} title={words.newPage.newSchedule} meta={<span>{environment.project_name} / {environment.name}</span>} />;
  if (!read.ok) return <>{header}<RefusalState refusal={read.refusal} /></>;
  if (read.value.length === 0) return <>{header}<EmptyState title={words.newPage.thereIsNoPipelineToRun} description={words.newPage.thereIsNoPipelineToRunDescription} /></>;
  const chosen = read.value.find(({ template_key }) => template_key === wanted) ?? read.value[0];
  return (
    <>
      {header}
      <ScheduleForm
        schedule={null} templates={read.value} templateKey={chosen?.template_key ?? ""} zones={timeZones()} refused={needsRole(environment.role, "editor")}
        saveAction={createScheduleAction.bind(null, { environment: environment.slug, project: environment.project_slug })}
      />
    </>
  );
}
