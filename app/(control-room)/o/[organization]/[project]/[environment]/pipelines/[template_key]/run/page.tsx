import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { LayerBadge } from "@/components/common/layer-badge";
import { RefusalState } from "@/components/common/refusal-state";
import { parameterFields, startingParameters } from "@/components/pipelines/parameter-schema";
import { RunForm } from "@/components/pipelines/run-form";
import { PageHeader } from "@/components/shell/page-header";
import { word } from "@/contracts/common.ts";
import { atLeast } from "@/contracts/words.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { getTemplate } from "@/lib/ops/templates.ts";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/pipelines";
import { startRunAction } from "../../actions.ts";

type PageProps = { params: Promise<EnvironmentParams & { template_key: string }>; searchParams: SearchParams };

export async function generateMetadata({ params }: PageProps): Promise<Metadata> {
  return { title: words.runPage.run((await params).template_key) };
}

export default async function RunPipeline({ params, searchParams }: PageProps) {
  await connection();
  const key = word.safeParse((await params).template_key);
  if (!key.success) notFound();
  const query = await searchParams;
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(() => getTemplate(db, { template_key: key.data, project_id: environment.project_id }));
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.runPage.thePipelineCouldNotBeLoaded} />;
  }
  const template = read.value;
  const fields = parameterFields(template.parameters_schema);
  const handed = one(query.params);
  return (
    <>
      <PageHeader
        crumbs={[{ href: "/pipelines", label: messages.page.pipelines }, { href: `/pipelines/${template.template_key}`, label: template.title }]}
        title={words.runPage.runTitle(template.title)}
        mark={template.layer ? <LayerBadge layer={template.layer} /> : null}
        meta={<><span>{environment.project_name} / {environment.name}</span><span>{words.runPage.version(template.current_version)}</span></>}
      />
      <RunForm
        key={`${template.spec_sha256} ${handed ?? ""}`}
        templateKey={template.template_key}
        environment={{ slug: environment.slug, name: environment.name, project_slug: environment.project_slug }}
        fields={fields}
        starting={startingParameters(fields, handed)}
        canOperate={environment.role !== null && atLeast(environment.role, "operator")}
        startAction={startRunAction.bind(null, environment.environment_id)}
      />
    </>
  );
}
