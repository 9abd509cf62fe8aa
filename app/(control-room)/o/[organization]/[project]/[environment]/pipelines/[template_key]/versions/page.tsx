import { History } from "lucide-react";
import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { RefusalState } from "@/components/common/refusal-state";
import { Time } from "@/components/common/time";
import { LazyYamlEditor } from "@/components/editor/lazy-yaml-editor";
import { VersionChoice } from "@/components/pipelines/version-choice";
import { specText } from "@/components/pipelines/words";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { word } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/pipelines";
import { attempt } from "@/lib/ops/attempt.ts";
import { getTemplate, getTemplateVersion } from "@/lib/ops/templates.ts";

type PageProps = { params: Promise<EnvironmentParams & { template_key: string }>; searchParams: SearchParams };

export async function generateMetadata({ params }: PageProps): Promise<Metadata> {
  return { title: words.versionsPage.versionsOf((await params).template_key) };
}

/** Two versions of a spec, `a` the earlier one as a rule: only what differs, with a few lines around it. */
export default async function PipelineVersions({ params, searchParams }: PageProps) {
  await connection();
  const key = word.safeParse((await params).template_key);
  if (!key.success) notFound();
  const query = await searchParams;
  const { db, environment } = await openEnvironment(params);
  const wanted = { template_key: key.data, project_id: environment.project_id };
  const read = await attempt(async () => {
    const template = await getTemplate(db, wanted);
    const b = versionOf(one(query.b)) ?? template.current_version;
    const a = versionOf(one(query.a)) ?? Math.max(1, b - 1);
    return { template, versions: await Promise.all([a, b].map((version) => getTemplateVersion(db, { ...wanted, version }))) };
  });
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.versionsPage.theVersionsCouldNotBeLoaded} />;
  }
  const { template, versions: [a, b] } = read.value;
  if (a === undefined || b === undefined) notFound();
  const [before, after] = [specText(a), specText(b)];
  return (
    <>
      <PageHeader
        crumbs={[{ href: "/pipelines", label: messages.page.pipelines }, { href: `/pipelines/${template.template_key}`, label: template.title }]}
        title={words.versionsPage.versionAndVersion(a.version, b.version)}
        meta={<><span>{words.versionsPage.wasSavedBy(b.version, b.created_by ?? words.versionsPage.nobodyKnown)}</span><Time at={b.created_at} />{b.git_sha ? <code className="text-xs">{b.git_sha.slice(0, 8)}</code> : null}</>}
        actions={a.version === template.current_version ? null : <Button asChild variant="outline"><Link href={`/pipelines/${template.template_key}/edit?version=${a.version}`}><History aria-hidden />{words.versionsPage.restoreVersion(a.version)}</Link></Button>}
      />
      <VersionChoice action={`/pipelines/${template.template_key}/versions`} newest={template.current_version} a={a.version} b={b.version} />
      {a.spec_sha256 === b.spec_sha256 && before === after ? (
        <EmptyState title={words.versionsPage.theyAreTheSame} description={words.versionsPage.bothVersionsHaveOneHash} />
      ) : (
        <LazyYamlEditor key={`${a.version} ${b.version}`} label={words.versionsPage.whatVersionChangedOfVersion(b.version, a.version)} value={after} original={before} readOnly />
      )}
    </>
  );
}

function versionOf(text: string | undefined): number | null {
  const version = Number(text);
  return text !== undefined && Number.isSafeInteger(version) && version > 0 && version <= 2_147_483_647 ? version : null;
}
