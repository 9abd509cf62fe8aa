import { CalendarClock, Play, Plus } from "lucide-react";
import type { Metadata } from "next";
import { Link } from "@/components/common/link";
import { connection } from "next/server";
import { EmptyState } from "@/components/common/empty-state";
import { LayerBadge } from "@/components/common/layer-badge";
import { RefusalState } from "@/components/common/refusal-state";
import { RunDots } from "@/components/pipelines/run-dots";
import { PageHeader } from "@/components/shell/page-header";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { latestRuns, listSpecSchedules } from "@/lib/ops/pipelines-page.ts";
import { listTemplates } from "@/lib/ops/templates.ts";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/pipelines";

export const metadata: Metadata = { title: messages.page.pipelines };
const pageSize = 50;
const dots = 10;

export default async function Pipelines({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const query = await searchParams;
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(async () => {
    const { items, next_cursor } = await listTemplates(db, { project_id: environment.project_id, limit: pageSize, cursor: one(query.cursor) });
    const [runs, schedules] = await Promise.all([latestRuns(db, environment.environment_id, items.map((each) => each.template_key), dots), listSpecSchedules(db, environment.project_id)]);
    return { items, next_cursor, runs, schedules };
  });
  return (
    <>
      <PageHeader title={messages.page.pipelines} actions={<Button asChild variant="outline"><Link href="/pipelines/new-pipeline"><Plus aria-hidden />{words.page.newPipeline}</Link></Button>} />
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : read.value.items.length === 0 ? (
        <EmptyState title={words.page.noPipelineYet} description={words.page.noPipelineYetDescription} snippet="npx control-room pipeline validate pipelines/odoo_ingest_bronze.yml" />
      ) : (
        <>
          <Table label={words.page.pipelines} cards>
            <TableHeader>
              <TableRow>
                <TableHead>{words.page.pipeline}</TableHead>
                <TableHead>{words.page.layer}</TableHead>
                <TableHead>{words.page.lastRuns}</TableHead>
                <TableHead>{words.page.schedule}</TableHead>
                <TableHead>{words.page.owner}</TableHead>
                <TableHead>{words.page.tags}</TableHead>
                <TableHead numeric>{words.page.version}</TableHead>
                <TableHead><span className="sr-only">{words.page.run}</span></TableHead>
              </TableRow>
            </TableHeader>
            <TableBody>
              {read.value.items.map((template) => {
                const schedule = read.value.schedules.get(template.template_key);
                return (
                  <TableRow key={template.template_id}>
                    <TableCell>
                      <Link href={`/pipelines/${template.template_key}`} className={rowLinkClasses}>{template.title}</Link>
                      <code className="ms-2 text-xs text-muted-foreground">{template.template_key}</code>
                    </TableCell>
                    <TableCell>{template.layer ? <LayerBadge layer={template.layer} /> : "—"}</TableCell>
                    <TableCell><RunDots runs={read.value.runs.get(template.template_key) ?? []} /></TableCell>
                    <TableCell narrow={false}>
                      {schedule ? (
                        <span className="inline-flex items-center gap-1.5"><CalendarClock className="size-3.5 text-muted-foreground" aria-hidden /><code className="text-xs">{schedule.cron}</code><span className="text-xs text-muted-foreground">{schedule.time_zone}</span></span>
                      ) : (
                        <span className="text-muted-foreground">{words.page.byHand}</span>
                      )}
                    </TableCell>
                    <TableCell narrow={false}>{template.owner ?? "—"}</TableCell>
                    <TableCell narrow={false}><span className="flex gap-1">{template.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}</span></TableCell>
                    <TableCell numeric narrow={false}>{template.current_version}</TableCell>
                    <TableCell numeric>
                      <Button asChild size="xs" variant="outline" className="relative">
                        <Link href={`/pipelines/${template.template_key}/run`} aria-label={words.page.runLabel(template.title)}><Play aria-hidden />{words.page.run}</Link>
                      </Button>
                    </TableCell>
                  </TableRow>
                );
              })}
            </TableBody>
          </Table>
          {read.value.next_cursor ? (
            <nav aria-label={words.page.pagesOfPipelines} className="flex justify-end">
              <Button asChild variant="outline" size="sm"><Link href={`/pipelines?${new URLSearchParams({ cursor: read.value.next_cursor })}`}>{words.page.nextPage}</Link></Button>
            </nav>
          ) : null}
        </>
      )}
    </>
  );
}
