import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { RefusalState } from "@/components/common/refusal-state";
import { ConnectionForm } from "@/components/connections/connection-form";
import { ConnectionList } from "@/components/connections/connection-list";
import { PageHeader } from "@/components/shell/page-header";
import { atLeast } from "@/contracts/words.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/connections";
import { attempt } from "@/lib/ops/attempt.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { changeConnectionAction, createConnectionAction, deleteConnectionAction, readConnectionAction, testConnectionAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.connections };
const actions = { create: createConnectionAction, change: changeConnectionAction, remove: deleteConnectionAction, test: testConnectionAction, read: readConnectionAction };

export default async function Connections({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const { environment_id, role } = environment;
  const canAdminister = role !== null && atLeast(role, "admin");
  const read = await attempt(() => Promise.all([callRpc(db, "list_connections", { environment_id }), callRpc(db, "list_secrets", { environment_id })]));
  if (!read.ok) return <><PageHeader title={messages.page.connections} /><RefusalState refusal={read.refusal} /></>;
  const [connections, stored] = read.value;
  const secrets = stored.map((secret) => secret.name);
  const form = canAdminister ? <ConnectionForm environmentId={environment_id} secrets={secrets} createAction={actions.create} changeAction={actions.change} /> : null;
  return (
    <>
      <PageHeader title={messages.page.connections} meta={words.page.namedSourcesAndWarehouses} actions={connections.length > 0 ? form : null} />
      {connections.length === 0 ? (
        <EmptyState title={words.page.noConnectionYet} description={words.page.noConnectionYetDescription} action={form} />
      ) : (
        <ConnectionList connections={connections} secrets={secrets} environmentId={environment_id} canOperate={role !== null && atLeast(role, "operator")} canAdminister={canAdminister} actions={actions} />
      )}
    </>
  );
}
