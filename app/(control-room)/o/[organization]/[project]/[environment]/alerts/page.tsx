import { BellRing } from "lucide-react";
import type { Metadata } from "next";
import { connection } from "next/server";
import { one, openEnvironment, pathOf, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { NotificationTable } from "@/components/alerts/notification-table";
import { RuleForm } from "@/components/alerts/rule-form";
import { RuleTable } from "@/components/alerts/rule-table";
import { EmptyState } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { LinkTabs } from "@/components/common/link-tabs";
import { needsRole } from "@/components/common/needs-role";
import { RefreshEvery } from "@/components/common/refresh-every";
import { RefusalState } from "@/components/common/refusal-state";
import { PageHeader } from "@/components/shell/page-header";
import { notificationStatuses } from "@/contracts/alert.ts";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/alerts";
import { listAlertRules, listNotifications } from "@/lib/ops/alerts.ts";
import { attempt } from "@/lib/ops/attempt.ts";
import { templateChoices } from "@/lib/ops/schedules-page.ts";
import { changeAlertRuleAction, createAlertRuleAction, deleteAlertRuleAction, markNotificationAction, previewAlertRuleAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.alerts };
const refreshMs = 15_000;
/** As many as an environment may have rules. */
const atMost = 200;

export default async function Alerts({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const view = one((await searchParams).view);
  const status = notificationStatuses.find((each) => each === view) ?? "firing";
  const isRules = view === "rules";
  const { db, environment } = await openEnvironment(params);
  const { environment_id } = environment;
  const admin = needsRole(environment.role, "admin");
  const read = await attempt(async () => ({
    rules: isRules ? (await listAlertRules(db, { environment_id, limit: atMost })).items : [],
    found: isRules ? [] : (await listNotifications(db, { environment_id, status, limit: atMost })).items,
    pipelines: (await templateChoices(db, environment.project_id)).map(({ template_key }) => template_key),
  }));
  const where = pathOf(environment);
  const preview = previewAlertRuleAction.bind(null, where);
  const tabs = [...notificationStatuses.map((each) => ({ href: `/alerts?view=${each}`, word: words.status[each], current: !isRules && each === status })), { href: "/alerts?view=rules", word: words.rules, current: isRules }];
  return (
    <>
      <PageHeader
        title={messages.page.alerts}
        meta={<><span>{words.meta}</span>{admin === null ? <Link href="/audit?action=alert_rule" className="text-link underline-offset-4 hover:underline">{words.ruleList.changedBy}</Link> : null}</>}
        actions={<RuleForm rule={null} pipelines={read.ok ? read.value.pipelines : []} refused={admin} actions={{ save: createAlertRuleAction.bind(null, where), preview }} />}
      />
      <LinkTabs label={words.views} tabs={tabs} />
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : isRules ? (
        read.value.rules.length === 0 ? <EmptyState title={words.ruleList.emptyTitle} description={words.ruleList.emptyDescription} />
          : <RuleTable rules={read.value.rules} pipelines={read.value.pipelines} refused={admin} actions={{ change: changeAlertRuleAction, remove: deleteAlertRuleAction, preview }} />
      ) : (
        <>
          <RefreshEvery milliseconds={refreshMs} />
          {read.value.found.length === 0 ? <EmptyState icon={BellRing} {...words.nobodyTold[status]} /> : <NotificationTable status={status} items={read.value.found} refused={needsRole(environment.role, "operator")} markAction={markNotificationAction} />}
          {read.value.found.length === atMost ? <p className="px-4 text-xs text-muted-foreground">{words.inbox.more(atMost)}</p> : null}
        </>
      )}
    </>
  );
}
