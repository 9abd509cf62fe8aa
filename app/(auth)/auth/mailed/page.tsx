import type { Metadata } from "next";
import Link from "next/link";
import { redirect } from "next/navigation";
import { one, type SearchParams } from "@/app/(control-room)/session.ts";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { words } from "@/lib/messages/auth";
import { safeNextPath } from "../../sign-in/next-path.ts";
import { openMailedLinkAction } from "./actions.ts";
import { isLinkType } from "./link-type.ts";

// The address is a secret: no other site may learn it from a link.
export const metadata: Metadata = { title: words.mailedPage.openAMailedLink, referrer: "no-referrer" };

/** Asks whoever opens a mailed link whether they are its address. To open this page uses nothing up: programs that look at mails open links, too. */
export default async function Mailed({ searchParams }: { searchParams: SearchParams }) {
  const query = await searchParams;
  const [token_hash, type, email] = [one(query.token_hash) ?? "", one(query.type) ?? "", one(query.email)];
  if (token_hash === "" || !isLinkType(type)) redirect("/forgot-password?problem=link");
  const hidden = { token_hash, type, next: safeNextPath(one(query.next)) };
  const footer = <Link href="/sign-in" className={authLinkClasses}>{words.mailedPage.signInWithAPassword}</Link>;
  if (type === "email_change") {
    return (
      <AuthPage title={words.mailedPage.changeTheEmailAddress} description={words.mailedPage.changeTheEmailAddressDescription} footer={footer}>
        <AccountForm id="mailed" submit={words.mailedPage.confirmTheAddress} action={openMailedLinkAction} hidden={hidden} fields={[]} />
      </AuthPage>
    );
  }
  return (
    <AuthPage title={words.mailedPage.signIn} description={words.mailedPage.signInDescription} footer={footer}>
      {email === undefined
        ? <AccountForm id="mailed" submit={words.mailedPage.signIn} action={openMailedLinkAction} hidden={hidden} fields={[{ name: "email", label: words.mailedPage.yourEmail, autoComplete: "username" }]} />
        : <AccountForm id="mailed" submit={words.mailedPage.signInAs(email)} action={openMailedLinkAction} hidden={{ ...hidden, email }} fields={[]} />}
    </AuthPage>
  );
}
