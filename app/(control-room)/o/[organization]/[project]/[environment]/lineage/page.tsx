import type { Metadata } from "next";
import { connection } from "next/server";
import { LineageView } from "@/components/lineage/lineage-view";
import { PageHeader } from "@/components/shell/page-header";
import { messages } from "@/lib/messages";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";

export const metadata: Metadata = { title: messages.page.lineage };

export default async function Lineage({ params }: { params: Promise<EnvironmentParams> }) {
  await connection();
  const { environment } = await openEnvironment(params);
  return (
    <>
      <PageHeader title={messages.page.lineage} />
      <LineageView environmentId={environment.environment_id} />
    </>
  );
}
