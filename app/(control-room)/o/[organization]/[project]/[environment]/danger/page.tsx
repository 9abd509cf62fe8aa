import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { DeleteScope } from "@/components/deletion/delete-scope";
import { PageHeader } from "@/components/shell/page-header";
import type { DeletionKind } from "@/contracts/deletion.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/deletion";
import { attempt } from "@/lib/ops/attempt.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { deleteScopeAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.danger };

/** What can be deleted from here: the open environment, its project, its organization, and one's own account. */
export default async function Danger({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { db, me, environment } = await openEnvironment(params);
  const wanted: [DeletionKind, string | null, string][] = [
    ["environment", environment.environment_id, environment.name], ["project", environment.project_id, environment.project_name],
    ["organization", environment.organization_id, environment.organization_name], ["account", me.id, me.name],
  ];
  const previews = await Promise.all(wanted.flatMap(([kind, id, name]) => (id === null ? [] : [attempt(() => callRpc(db, "preview_deletion", { kind, id })).then((preview) => ({ kind, name, preview }))])));
  return (
    <>
      <PageHeader title={messages.page.danger} meta={words.page.whatIsDeletedHere} />
      <div className="grid gap-4">
        {previews.map(({ kind, name, preview }) => <DeleteScope key={kind} kind={kind} name={name} preview={preview} remove={deleteScopeAction} />)}
      </div>
    </>
  );
}
