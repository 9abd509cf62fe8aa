import { Download, ScrollText } from "lucide-react";
import type { Metadata } from "next";
import { connection } from "next/server";
import { auditFilterOf, auditQuery } from "@/components/audit/audit-filter-state";
import { AuditFilters } from "@/components/audit/audit-filters";
import { AuditTable } from "@/components/audit/audit-table";
import { EmptyState, FilteredEmpty, NoAccess } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { RefusalState } from "@/components/common/refusal-state";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { atLeast } from "@/contracts/words.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { listAudit } from "@/lib/ops/audit.ts";
import { openViews } from "@/app/(control-room)/default-view.ts";
import { ListViews } from "@/app/(control-room)/list-views";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/audit";

export const metadata: Metadata = { title: messages.page.audit };
const pageSize = 50;

export default async function Audit({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const { db, environment } = await openEnvironment(params);
  const query = await searchParams;
  const state = auditFilterOf((name) => one(query[name]));
  if (environment.role === null || !atLeast(environment.role, "admin")) {
    return (
      <>
        <PageHeader title={messages.page.audit} />
        <NoAccess description={words.page.adminsReadWhoChangedWhat} />
      </>
    );
  }
  const views = await openViews(db, environment, "audit", query);
  const cursor = one(query.cursor);
  const filter = auditQuery(state, environment);
  const page = await attempt(() => listAudit(db, { ...filter, limit: pageSize, cursor }));
  const here = (change: Record<string, string>) => `/audit?${new URLSearchParams({ ...state, ...change }).toString()}`;
  const filtered = Object.keys(state).length > 0;
  const exported = (format: string) => `/api/v1/audit/export?${new URLSearchParams({ ...filter, format }).toString()}`;
  return (
    <>
      <PageHeader
        title={messages.page.audit}
        actions={
          <>
            <ListViews list="audit" environment={environment} views={views} />
            {["csv", "ndjson"].map((format) => (
              <Button key={format} asChild variant="outline" size="sm">
                <a href={exported(format)} download>
                  <Download aria-hidden />
                  {format === "csv" ? words.page.csv : words.page.ndjson}
                </a>
              </Button>
            ))}
          </>
        }
      />
      <AuditFilters state={state} environmentName={environment.name} />
      {!page.ok ? (
        <RefusalState refusal={page.refusal} />
      ) : page.value.items.length === 0 ? (
        filtered ? <FilteredEmpty clearHref="/audit?view=all" /> : <EmptyState icon={ScrollText} title={words.page.nothingWasChangedYet} description={words.page.nothingWasChangedYetDescription} />
      ) : (
        <AuditTable entries={page.value.items} hrefOf={(filterBy) => `/audit?${new URLSearchParams(filterBy).toString()}`} />
      )}
      {page.ok && (cursor !== undefined || page.value.next_cursor !== null) ? (
        <nav aria-label={words.page.pages} className="flex justify-end gap-2">
          {cursor === undefined ? null : <Button asChild variant="outline" size="sm"><Link href={here({})}>{words.page.newest}</Link></Button>}
          {page.value.next_cursor === null ? null : <Button asChild variant="outline" size="sm"><Link href={here({ cursor: page.value.next_cursor })}>{words.page.older}</Link></Button>}
        </nav>
      ) : null}
    </>
  );
}
