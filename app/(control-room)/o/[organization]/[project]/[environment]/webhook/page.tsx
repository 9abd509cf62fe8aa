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
  const header = <PageHeader title={messages.page.webhook} meta={<span>{`The address that hears when a run of ${project_name} fails or an executor goes away.`}</span>} />;
  if (!read.ok) return <>{header}<RefusalState refusal={read.refusal} /></>;
  if (read.value === null) return <>{header}<NoAccess description="The webhook is for admins of the whole project. Ask one of them." /></>;
  const { webhook, deliveries, key } = read.value;
  return (
    <>
      {header}
      <WebhookForm key={webhook?.updated_at ?? "none"} projectId={project_id} webhook={webhook} actions={{ save: saveWebhookAction, test: testWebhookAction, remove: deleteWebhookAction }} />
      <section className="grid min-w-0 gap-2" aria-labelledby="signing-key">
        <h2 id="signing-key" className="text-sm font-semibold">Signing key</h2>
        <p className="text-muted-foreground">Every message is signed with ed25519 (Standard Webhooks, <code className="text-xs">v1a</code>). The receiver checks it with this public key; there is no secret to share.</p>
        <CodeBlock text={key} label="Public key" className="max-w-2xl" />
      </section>
      <section className="grid min-w-0 gap-3" aria-labelledby="deliveries">
        <div className="flex flex-wrap items-center gap-2">
          <h2 id="deliveries" className="text-sm font-semibold">Deliveries</h2>
          <nav aria-label="Deliveries by status" className="flex flex-wrap gap-1 sm:ms-auto">
            {[undefined, ...deliveryStatuses].map((each) => (
              <Button key={each ?? "all"} asChild variant={each === status ? "secondary" : "ghost"} size="sm">
                <Link href={each === undefined ? "/webhook" : `/webhook?status=${each}`} aria-current={each === status ? "page" : undefined}>{each === undefined ? "All" : deliveryStatusWords[each]}</Link>
              </Button>
            ))}
          </nav>
        </div>
        {deliveries.items.length === 0 ? (
          <EmptyState
            title={status === undefined ? "Nothing was sent yet" : `No delivery is ${deliveryStatusWords[status].toLowerCase()}`}
            description={webhook === null ? "Set an address first; a test message shows that it arrives." : "What is sent, with each attempt and its answer, is kept here."}
            action={status === undefined ? undefined : <Button asChild variant="outline"><Link href="/webhook">{messages.action.clearFilters}</Link></Button>}
          />
        ) : (
          <>
            {deliveries.items.some((each) => each.status === "pending") ? <RefreshEvery milliseconds={refreshMs} /> : null}
            <DeliveryTable deliveries={deliveries.items} canRetry={webhook?.enabled ?? false} retryAction={retryDeliveryAction} />
          </>
        )}
        {deliveries.next_cursor ? (
          <nav aria-label="Pages of deliveries" className="flex justify-end">
            <Button asChild variant="outline" size="sm"><Link href={`/webhook?${new URLSearchParams({ ...(status ? { status } : {}), cursor: deliveries.next_cursor })}`}>Next page</Link></Button>
          </nav>
        ) : null}
      </section>
    </>
  );
}
