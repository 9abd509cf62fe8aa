import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { sampleSpec } from "@/components/pipelines/sample-spec";
import { SpecEditor } from "@/components/pipelines/spec-editor";
import { needsEditor } from "@/components/pipelines/words";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { checkSpecAction, saveSpecAction } from "../actions.ts";

export const metadata: Metadata = { title: "New pipeline" };

export default async function NewPipeline({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { environment } = await openEnvironment(params);
  return (
    <>
      <PageHeader crumbs={[{ href: "/pipelines", label: messages.page.pipelines }]} title="New pipeline" meta={<span>of the project {environment.project_name}</span>} />
      <SpecEditor projectId={environment.project_id} templateKey={null} baseVersion={0} stored="" starting={sampleSpec} refused={needsEditor(environment.role)} actions={{ check: checkSpecAction, save: saveSpecAction }} />
    </>
  );
}
