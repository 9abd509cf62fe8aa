import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { sampleSpec } from "@/components/pipelines/sample-spec";
import { SpecEditor } from "@/components/pipelines/spec-editor";
import { needsEditor } from "@/components/pipelines/words";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/pipelines";
import { checkSpecAction, saveSpecAction } from "../actions.ts";

export const metadata: Metadata = { title: words.newPipelinePage.newPipeline };

export default async function NewPipeline({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { environment } = await openEnvironment(params);
  return (
    <>
      <PageHeader crumbs={[{ href: "/pipelines", label: messages.page.pipelines }]} title={words.newPipelinePage.newPipeline} meta={<span>{words.newPipelinePage.ofTheProject(environment.project_name)}</span>} />
      <SpecEditor projectId={environment.project_id} templateKey={null} baseVersion={0} stored="" starting={sampleSpec} refused={needsEditor(environment.role)} actions={{ check: checkSpecAction, save: saveSpecAction }} />
    </>
  );
}
