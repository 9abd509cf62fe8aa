import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, pathOf, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { CapForm } from "@/components/caps/cap-form";
import { CapTable } from "@/components/caps/cap-table";
import { EmptyState } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { needsRole } from "@/components/common/needs-role";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/caps";
import { attempt } from "@/lib/ops/attempt.ts";
import { capRows } from "@/lib/ops/caps-page.ts";
import { changeCapAction, createCapAction, deleteCapAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.caps };
const refreshMs = 15_000;

export default async function Caps({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const refused = needsRole(environment.role, "admin");
  const read = await attempt(() => capRows(db, environment.environment_id, new Date()));
  const form = <CapForm cap={null} refused={refused} saveAction={createCapAction.bind(null, pathOf(environment))} />;
  return (
    <>
      <PageHeader
        title={messages.page.caps}
        meta={<><span>{words.page.limitsOnWhatRunsMay}</span>{refused === null ? <Link href="/audit?action=cap" className="text-link underline-offset-4 hover:underline">{words.page.whoChangedThem}</Link> : null}</>}
        actions={form}
      />
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : read.value.length === 0 ? (
        <EmptyState title={words.page.noCapYet} description={words.page.noCapYetDescription} />
      ) : (
        <>
          <RefreshEvery milliseconds={refreshMs} />
          <CapTable rows={read.value} refused={refused} actions={{ change: changeCapAction, remove: deleteCapAction }} />
        </>
      )}
    </>
  );
}
