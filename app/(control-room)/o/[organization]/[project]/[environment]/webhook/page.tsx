import type { Metadata } from "next";
import { connection } from "next/server";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { CodeBlock } from "@/components/common/code-block";
import { EmptyState, NoAccess } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { DeliveryTable } from "@/components/webhook/delivery-table";
import { deliveryStatusWords } from "@/components/webhook/words";
import { WebhookForm } from "@/components/webhook/webhook-form";
import { deliveryStatuses } from "@/contracts/webhook.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/webhook";
import { attempt } from "@/lib/ops/attempt.ts";
import { managesProject } from "@/lib/ops/members.ts";
import { publicKey } from "@/lib/ops/signing-key.ts";
import { findWebhook, listDeliveries } from "@/lib/ops/webhooks.ts";
import { deleteWebhookAction, retryDeliveryAction, saveWebhookAction, testWebhookAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.webhook };
const pageSize = 50;
const refreshMs = 5_000;

export default async function Webhook({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const { db, me, environment } = await openEnvironment(params);
  const { project_id, project_name } = environment;
  const query = await searchParams;
  const status = deliveryStatuses.find((each) => each === one(query.status));
  const cursor = one(query.cursor);
  const read = await attempt(async () => {
    if (!(await managesProject(db, me.id, environment))) return null;
    const [webhook, deliveries] = await Promise.all([findWebhook(db, project_id), listDeliveries(db, project_id, { status, cursor, limit: pageSize })]);
    return { webhook, deliveries, key: publicKey() };
  });
  const header = <PageHeader title={messages.page.webhook} meta={<span>{words.page.theAddressThatHearsWhen(project_name)}</span>} />;
  if (!read.ok) return <>{header}<RefusalState refusal={read.refusal} /></>;
  if (read.value === null) return <>{header}<NoAccess description={words.page.theWebhookIsForAdmins} /></>;
  const { webhook, deliveries, key } = read.value;
  return (
    <>
      {header}
      <WebhookForm key={webhook?.updated_at ?? "none"} projectId={project_id} webhook={webhook} actions={{ save: saveWebhookAction, test: testWebhookAction, remove: deleteWebhookAction }} />
      <section className="grid min-w-0 gap-2" aria-labelledby="signing-key">
        <h2 id="signing-key" className="text-sm font-semibold">{words.page.signingKey}</h2>
        <p className="text-muted-foreground">{words.page.everyMessageIsSigned(<code className="text-xs">v1a</code>)}</p>
        <CodeBlock text={key} label={words.page.publicKey} className="max-w-2xl" />
      </section>
      <section className="grid min-w-0 gap-3" aria-labelledby="deliveries">
        <div className="flex flex-wrap items-center gap-2">
          <h2 id="deliveries" className="text-sm font-semibold">{words.page.deliveries}</h2>
          <nav aria-label={words.page.deliveriesByStatus} className="flex flex-wrap gap-1 sm:ms-auto">
            {[undefined, ...deliveryStatuses].map((each) => (
              <Button key={each ?? "all"} asChild variant={each === status ? "secondary" : "ghost"} size="sm">
                <Link href={each === undefined ? "/webhook" : `/webhook?status=${each}`} aria-current={each === status ? "page" : undefined}>{each === undefined ? words.page.all : deliveryStatusWords[each]}</Link>
              </Button>
            ))}
          </nav>
        </div>
        {deliveries.items.length === 0 ? (
          <EmptyState
            title={status === undefined ? words.page.nothingWasSentYet : words.page.noDeliveryIs(deliveryStatusWords[status].toLowerCase())}
            description={webhook === null ? words.page.setAnAddressFirst : words.page.whatIsSentWithEach}
            action={status === undefined ? undefined : <Button asChild variant="outline"><Link href="/webhook">{messages.action.clearFilters}</Link></Button>}
          />
        ) : (
          <>
            {deliveries.items.some((each) => each.status === "pending") ? <RefreshEvery milliseconds={refreshMs} /> : null}
            <DeliveryTable deliveries={deliveries.items} canRetry={webhook?.enabled ?? false} retryAction={retryDeliveryAction} />
          </>
        )}
        {deliveries.next_cursor ? (
          <nav aria-label={words.page.pagesOfDeliveries} className="flex justify-end">
            <Button asChild variant="outline" size="sm"><Link href={`/webhook?${new URLSearchParams({ ...(status ? { status } : {}), cursor: deliveries.next_cursor })}`}>{words.page.nextPage}</Link></Button>
          </nav>
        ) : null}
      </section>
    </>
  );
}
