import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { EmptyState } from "@/components/common/empty-state";
import { RefusalState } from "@/components/common/refusal-state";
import { SecretForm } from "@/components/secrets/secret-form";
import { SecretList } from "@/components/secrets/secret-list";
import { PageHeader } from "@/components/shell/page-header";
import { atLeast } from "@/contracts/words.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/secrets";
import { attempt } from "@/lib/ops/attempt.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { keysOf } from "@/lib/ops/secrets.ts";
import { deleteSecretAction, putSecretAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.secrets };

export default async function Secrets({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const { environment_id, role } = environment;
  const canAdminister = role !== null && atLeast(role, "admin");
  const read = await attempt(() => Promise.all([callRpc(db, "list_secrets", { environment_id }), keysOf(db, environment_id)]));
  if (!read.ok) return <><PageHeader title={messages.page.secrets} /><RefusalState refusal={read.refusal} /></>;
  const [secrets, keys] = read.value;
  const sealable = keys.some((key) => key.retired_at === null);
  const form = canAdminister && sealable ? <SecretForm environmentId={environment_id} putAction={putSecretAction} /> : null;
  return (
    <>
      <PageHeader title={messages.page.secrets} meta={words.page.valuesThatOnlyTheExecutors} actions={secrets.length > 0 ? form : null} />
      {!sealable ? (
        <EmptyState
          title={words.page.noKeyYet} description={words.page.noKeyYetDescription}
          snippet={`control-room keys create --project ${environment.project_slug} --environment ${environment.slug} --file keys.json`}
        />
      ) : secrets.length === 0 ? (
        <EmptyState title={words.page.noSecretYet} description={words.page.noSecretYetDescription} action={form} />
      ) : (
        <SecretList secrets={secrets} environmentId={environment_id} canAdminister={canAdminister} putAction={putSecretAction} deleteAction={deleteSecretAction} />
      )}
    </>
  );
}
