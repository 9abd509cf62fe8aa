import type { Metadata } from "next";
import { connection } from "next/server";
import { AccountForm } from "@/components/auth/account-form";
import { RefusalState } from "@/components/common/refusal-state";
import { SessionTable } from "@/components/account/session-table";
import { PageHeader } from "@/components/shell/page-header";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/account";
import { attempt } from "@/lib/ops/attempt.ts";
import { listSessions } from "@/lib/ops/sessions.ts";
import { one, openSession, type SearchParams } from "../session.ts";
import { changeEmailAction, changePasswordAction, endOtherSessionsAction, revokeSessionAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.account };

const notes: Record<string, string> = words.page.notes;

export default async function Account({ searchParams }: { searchParams: SearchParams }) {
  await connection();
  const { db, me } = await openSession();
  const note = notes[one((await searchParams).changed) ?? ""];
  const read = await attempt(() => listSessions(db));
  return (
    <>
      <PageHeader title={messages.page.account} meta={<span>{me.name}</span>} />
      {note ? <Alert role="status"><AlertDescription>{note}</AlertDescription></Alert> : null}
      <section className="grid min-w-0 gap-3" aria-labelledby="sessions">
        <h2 id="sessions" className="text-sm font-semibold">{words.page.sessions}</h2>
        {read.ok ? <SessionTable sessions={read.value.items} actions={{ revoke: revokeSessionAction, endOthers: endOtherSessionsAction }} /> : <RefusalState refusal={read.refusal} />}
      </section>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 md:grid-cols-2">
        <section className="grid min-w-0 max-w-sm gap-3" aria-labelledby="change-email">
          <h2 id="change-email" className="text-sm font-semibold">{words.page.emailAddress}</h2>
          <AccountForm id="change-email-form" submit={words.page.changeTheAddress} action={changeEmailAction} fields={[{ name: "email", label: words.page.newEmail, autoComplete: "email" }]} />
        </section>
        <section className="grid min-w-0 max-w-sm gap-3" aria-labelledby="change-password">
          <h2 id="change-password" className="text-sm font-semibold">{words.page.password}</h2>
          <AccountForm
            id="change-password-form" submit={words.page.changeThePassword} action={changePasswordAction}
            fields={[{ name: "current_password", label: words.page.presentPassword, autoComplete: "current-password" }, { name: "password", label: words.page.newPassword, autoComplete: "new-password" }]}
          />
        </section>
      </div>
    </>
  );
}
