import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { RefusalState } from "@/components/common/refusal-state";
import { SpecEditor } from "@/components/pipelines/spec-editor";
import { needsEditor, specText } from "@/components/pipelines/words";
import { PageHeader } from "@/components/shell/page-header";
import { word } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/pipelines";
import { attempt } from "@/lib/ops/attempt.ts";
import { getTemplate, getTemplateVersion } from "@/lib/ops/templates.ts";
import { checkSpecAction, saveSpecAction } from "../../actions.ts";

type PageProps = { params: Promise<EnvironmentParams & { template_key: string }>; searchParams: SearchParams };

export async function generateMetadata({ params }: PageProps): Promise<Metadata> {
  return { title: words.editPage.edit((await params).template_key) };
}

/** `?version=3` begins with the text of an earlier version: saving it restores that one as the next. */
export default async function EditPipeline({ params, searchParams }: PageProps) {
  await connection();
  const key = word.safeParse((await params).template_key);
  if (!key.success) notFound();
  const version = Number(one((await searchParams).version));
  const { db, environment } = await openEnvironment(params);
  const wanted = { template_key: key.data, project_id: environment.project_id };
  const read = await attempt(() => Promise.all([getTemplate(db, wanted), Number.isSafeInteger(version) && version > 0 ? getTemplateVersion(db, { ...wanted, version }) : null]));
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.editPage.thePipelineCouldNotBeLoaded} />;
  }
  const [template, earlier] = read.value;
  const stored = specText(template);
  return (
    <>
      <PageHeader
        crumbs={[{ href: "/pipelines", label: messages.page.pipelines }, { href: `/pipelines/${template.template_key}`, label: template.title }]}
        title={words.editPage.editTitle(template.title)}
        meta={<><code className="text-xs">{template.template_key}</code><span>{earlier ? words.editPage.restoresVersion(earlier.version) : words.editPage.fromVersion(template.current_version)}</span></>}
      />
      <SpecEditor
        key={`${template.current_version} ${earlier?.version ?? ""}`} projectId={environment.project_id} templateKey={template.template_key} baseVersion={template.current_version}
        stored={stored} starting={earlier ? specText(earlier) : stored} refused={needsEditor(environment.role)} actions={{ check: checkSpecAction, save: saveSpecAction }}
      />
    </>
  );
}
