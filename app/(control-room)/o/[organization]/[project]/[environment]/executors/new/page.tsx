import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { AddExecutor } from "@/components/executors/add-executor";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/executors";
import { managesProject } from "@/lib/ops/members.ts";
import { addExecutorAction } from "../actions.ts";

export const metadata: Metadata = { title: words.newPage.addExecutor };

export default async function NewExecutor({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { db, me, environment } = await openEnvironment(params);
  const canManage = await managesProject(db, me.id, environment);
  const environments = me.environments.filter((each) => each.project_id === environment.project_id).map(({ slug, name }) => ({ slug, name }));
  return (
    <>
      <PageHeader crumbs={[{ href: "/executors", label: messages.page.executors }]} title={words.newPage.addExecutor} meta={<span>{words.newPage.toTheProject(environment.project_name)}</span>} />
      <AddExecutor environments={environments} here={environment.slug} project={environment.project_slug} canManage={canManage} addAction={addExecutorAction} />
    </>
  );
}
