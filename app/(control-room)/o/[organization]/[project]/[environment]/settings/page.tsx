import type { Metadata } from "next";
import { connection } from "next/server";
import type { ReactNode } from "react";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { Link } from "@/components/common/link";
import { needsRole } from "@/components/common/needs-role";
import { RefusalState } from "@/components/common/refusal-state";
import { ShortId } from "@/components/common/short-id";
import { ShowChecklist } from "@/components/settings/show-checklist";
import { RenameForm } from "@/components/settings/rename-form";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/settings";
import { attempt } from "@/lib/ops/attempt.ts";
import { listCaps } from "@/lib/ops/caps.ts";
import { readChecklist } from "@/lib/ops/checklist.ts";
import { readProject } from "@/lib/ops/environments.ts";
import { renameScopeAction, setChecklistAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.settings };

/** What can be set for the open environment, its project and its organization; and where the rest is set. */
export default async function Settings({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const { environment_id, project_id, organization_id, role } = environment;
  const read = await attempt(() => Promise.all([readProject(db, project_id), listCaps(db, { environment_id, limit: 100 }), readChecklist(db, environment_id)]));
  const refused = needsRole(role, "admin");
  return (
    <>
      <PageHeader title={messages.page.settings} meta={<span>{words.page.of(environment.organization_name, environment.project_name, environment.name)}</span>} />
      {!read.ok ? <RefusalState refusal={read.refusal} /> : (
        <div className="grid max-w-3xl gap-6">
          <Part title={words.page.environment} id={environment_id} slug={environment.slug}>
            <RenameForm what={words.page.environmentWhat} name={environment.name} refused={refused} rename={renameScopeAction.bind(null, "environment", environment_id)} />
          </Part>
          <Part title={words.page.project} id={project_id} slug={environment.project_slug}>
            <RenameForm what={words.page.projectWhat} name={environment.project_name} refused={refused} rename={renameScopeAction.bind(null, "project", project_id)} />
            <p className="text-muted-foreground">{words.page.itsQueueGets(read.value[0].weight)}</p>
          </Part>
          <Part title={words.page.organization} id={organization_id} slug={environment.organization_slug}>
            <RenameForm what={words.page.organizationWhat} name={environment.organization_name} refused={refused} rename={renameScopeAction.bind(null, "organization", organization_id)} />
          </Part>
          <section className="grid gap-2" aria-labelledby="limits">
            <h2 id="limits" className="font-semibold">{words.page.limitsAndRetention}</h2>
            <ul className="grid gap-1 text-muted-foreground">
              <li>{words.page.capsThatSayHowMuch(<Link href="/caps" className="text-link underline underline-offset-4">{words.page.inForce(`${read.value[1].items.length}${read.value[1].next_cursor === null ? "" : "+"}`)}</Link>)}</li>
              <li>{words.page.runsEventsAndArtifacts}</li>
              <li>{words.page.versionsOfATable(<code className="text-xs">maintain</code>)}</li>
            </ul>
          </section>
          <section className="grid gap-2" aria-labelledby="elsewhere">
            <h2 id="elsewhere" className="font-semibold">{words.page.setElsewhere}</h2>
            <ul className="flex flex-wrap gap-2">
              {([["/members", messages.page.members], ["/tokens", messages.page.tokens], ["/secrets", messages.page.secrets], ["/connections", messages.page.connections], ["/webhook", messages.page.webhook], ["/danger", messages.page.danger]] as const).map(([href, word]) => (
                <li key={href}><Button asChild variant="outline" size="sm"><Link href={href}>{word}</Link></Button></li>
              ))}
            </ul>
            {read.value[2].dismissed ? <ShowChecklist show={setChecklistAction.bind(null, project_id, false)} /> : null}
          </section>
        </div>
      )}
    </>
  );
}

function Part({ title, id, slug, children }: { title: string; id: string; slug: string; children: ReactNode }) {
  return (
    <section className="grid gap-2 border-b pb-6" aria-label={title}>
      <h2 className="flex flex-wrap items-center gap-x-3 font-semibold">{title} <code className="text-xs font-normal text-muted-foreground">{slug}</code> <ShortId id={id} what={words.page.idOfThe(title.toLowerCase())} className="font-normal text-muted-foreground" /></h2>
      {children}
    </section>
  );
}
