import { CalendarClock, Pencil, Play } from "lucide-react";
import type { Metadata } from "next";
import { Link } from "@/components/common/link";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { CodeBlock } from "@/components/common/code-block";
import { Duration } from "@/components/common/duration";
import { Hash } from "@/components/common/hash";
import { LayerBadge } from "@/components/common/layer-badge";
import { RefusalState } from "@/components/common/refusal-state";
import { ShortId } from "@/components/common/short-id";
import { StatusBadge } from "@/components/common/status-badge";
import { Time } from "@/components/common/time";
import { PhasePlan } from "@/components/pipelines/phase-plan";
import { plannedPhases } from "@/components/pipelines/planned-phases";
import { specText } from "@/components/pipelines/words";
import { triggerWords } from "@/components/runs/words";
import { PageHeader } from "@/components/shell/page-header";
import { RememberVisit } from "@/components/shell/remember-visit";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { word } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { listRuns } from "@/lib/ops/runs.ts";
import { getTemplate, listTemplateVersions } from "@/lib/ops/templates.ts";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/pipelines";

type PageProps = { params: Promise<EnvironmentParams & { template_key: string }> };
const recentRuns = 10;
const recentVersions = 20;

export async function generateMetadata({ params }: PageProps): Promise<Metadata> {
  return { title: (await params).template_key };
}

export default async function PipelinePage({ params }: PageProps) {
  await connection();
  const key = word.safeParse((await params).template_key);
  if (!key.success) notFound();
  const { db, environment } = await openEnvironment(params);
  const { environment_id, project_id } = environment;
  const read = await attempt(async () => {
    const [template, versions, runs] = await Promise.all([
      getTemplate(db, { template_key: key.data, project_id }),
      listTemplateVersions(db, key.data, { project_id, limit: recentVersions }),
      listRuns(db, { environment_id, template_key: key.data, limit: recentRuns }),
    ]);
    return { template, versions: versions.items, runs: runs.items };
  });
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.templatePage.thePipelineCouldNotBeLoaded} />;
  }
  const { template, versions, runs } = read.value;
  const schedule = template.spec.schedule as { cron?: string; time_zone?: string } | undefined;
  return (
    <>
      <RememberVisit href={`/pipelines/${template.template_key}`} title={template.title} detail={template.template_key} />
      <PageHeader
        crumbs={[{ href: "/pipelines", label: messages.page.pipelines }]}
        title={template.title}
        mark={template.layer ? <LayerBadge layer={template.layer} /> : null}
        meta={
          <>
            <code className="text-xs">{template.template_key}</code>
            <span>{words.templatePage.version(template.current_version)}</span>
            {template.owner ? <span>{template.owner}</span> : null}
            {template.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}
            <span className="inline-flex items-center gap-1.5"><CalendarClock className="size-3.5" aria-hidden />{schedule?.cron ? <><code className="text-xs">{schedule.cron}</code> {schedule.time_zone ?? words.templatePage.utc}</> : words.templatePage.startedByHand}</span>
            <Link href={`/schedules?pipeline=${template.template_key}`} className="text-link underline-offset-4 hover:underline">{words.templatePage.schedules}</Link>
          </>
        }
        actions={
          <>
            <Button asChild variant="outline"><Link href={`/pipelines/${template.template_key}/edit`}><Pencil aria-hidden />{words.templatePage.edit}</Link></Button>
            <Button asChild><Link href={`/pipelines/${template.template_key}/run`}><Play aria-hidden />{words.templatePage.run}</Link></Button>
          </>
        }
      />
      {template.description ? <p className="max-w-prose text-pretty">{template.description}</p> : null}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 xl:grid-cols-2">
        <section className="grid min-w-0 gap-2">
          <h2 className="text-sm font-semibold">{words.templatePage.phases}</h2>
          <PhasePlan phases={plannedPhases(template.spec)} />
        </section>
        <section className="grid min-w-0 gap-2">
          <div className="flex items-center justify-between">
            <h2 className="text-sm font-semibold">{words.templatePage.recentRuns}</h2>
            <Link href={`/runs?pipeline=${template.template_key}`} className="text-link underline-offset-4 hover:underline">{words.templatePage.allRuns}</Link>
          </div>
          {runs.length === 0 ? (
            <p className="py-6 text-center text-muted-foreground">{words.templatePage.itHasNotRun}</p>
          ) : (
            <Table label={words.templatePage.recentRuns}>
              <TableHeader>
                <TableRow>
                  <TableHead>{words.templatePage.status}</TableHead><TableHead>{words.templatePage.run}</TableHead><TableHead>{words.templatePage.trigger}</TableHead><TableHead>{words.templatePage.started}</TableHead><TableHead numeric>{words.templatePage.duration}</TableHead>
                </TableRow>
              </TableHeader>
              <TableBody>
                {runs.map((run) => (
                  <TableRow key={run.run_id}>
                    <TableCell><StatusBadge status={run.status} className="relative" /></TableCell>
                    <TableCell><Link href={`/runs/${run.run_id}`} className={rowLinkClasses}><ShortId id={run.run_id} what={words.templatePage.runId} plain /></Link></TableCell>
                    <TableCell>{triggerWords[run.trigger]}</TableCell>
                    <TableCell><Time at={run.started_at} absent={words.templatePage.waiting} className="relative" /></TableCell>
                    <TableCell numeric><Duration from={run.started_at} to={run.finished_at} /></TableCell>
                  </TableRow>
                ))}
              </TableBody>
            </Table>
          )}
          <h2 className="mt-4 text-sm font-semibold">{words.templatePage.versions}</h2>
          <Table label={words.templatePage.versionsNewestFirst} dense>
            <TableHeader>
              <TableRow><TableHead>{words.templatePage.versionHeading}</TableHead><TableHead>{words.templatePage.spec}</TableHead><TableHead>{words.templatePage.git}</TableHead><TableHead>{words.templatePage.savedBy}</TableHead><TableHead>{words.templatePage.saved}</TableHead><TableHead><span className="sr-only">{words.templatePage.compare}</span></TableHead></TableRow>
            </TableHeader>
            <TableBody>
              {versions.map((version) => (
                <TableRow key={version.version}>
                  <TableCell>{version.version}{version.version === template.current_version ? <span className="ms-1.5 text-xs text-muted-foreground">{words.templatePage.current}</span> : null}</TableCell>
                  <TableCell><Hash value={version.spec_sha256} what={words.templatePage.specHash} /></TableCell>
                  <TableCell>{version.git_sha ? <code className="text-xs">{version.git_sha.slice(0, 8)}</code> : "—"}</TableCell>
                  <TableCell>{version.created_by ?? "—"}</TableCell>
                  <TableCell><Time at={version.created_at} /></TableCell>
                  <TableCell>{version.version > 1 ? <Link href={`/pipelines/${template.template_key}/versions?a=${version.version - 1}&b=${version.version}`} className="inline-flex min-h-6 items-center text-link hover:underline" aria-label={words.templatePage.whatVersionChanged(version.version)}>{words.templatePage.changes}</Link> : null}</TableCell>
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </section>
      </div>
      <section className="grid min-w-0 gap-2">
        <h2 className="flex items-center gap-2 text-sm font-semibold">{words.templatePage.specNamed(<Hash value={template.spec_sha256} what={words.templatePage.specHash} />)}</h2>
        <CodeBlock label={words.templatePage.pipelineSpec} text={specText(template)} />
      </section>
    </>
  );
}
