import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { CopyButton } from "@/components/common/copy-button";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { Time } from "@/components/common/time";
import { CheckTable } from "@/components/health/check-table";
import { diagnostics, healthChecks } from "@/components/health/checks";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/health";
import { attempt } from "@/lib/ops/attempt.ts";
import { listExecutors } from "@/lib/ops/executors.ts";
import { health } from "@/lib/ops/health.ts";

export const metadata: Metadata = { title: messages.page.health };
const executorsRead = 200;
const refreshMs = 10_000;

export default async function Health({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(() => Promise.all([health(), listExecutors(db, { project_id: environment.project_id, limit: executorsRead })]));
  if (!read.ok) return <><PageHeader title={messages.page.health} /><RefusalState refusal={read.refusal} /></>;
  const [state, executors] = read.value;
  const at = new Date().toISOString();
  const checks = healthChecks(state, executors.items);
  return (
    <>
      <PageHeader
        title={messages.page.health}
        meta={<><span>{words.page.version(state.version)}</span><span>{words.page.read(<Time at={at} />)}</span></>}
        actions={<CopyButton variant="outline" size="default" value={diagnostics(state, checks, at)} what={words.page.diagnostics} text={words.page.copyDiagnostics} />}
      />
      <RefreshEvery milliseconds={refreshMs} />
      <CheckTable checks={checks} />
    </>
  );
}
