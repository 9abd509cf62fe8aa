import type { Metadata } from "next";
import Link from "next/link";
import { redirect } from "next/navigation";
import { one, type SearchParams } from "@/app/(control-room)/session.ts";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { safeNextPath } from "../../sign-in/next-path.ts";
import { openMailedLinkAction } from "./actions.ts";
import { isLinkType } from "./link-type.ts";

// The address is a secret: no other site may learn it from a link.
export const metadata: Metadata = { title: "Open a mailed link", referrer: "no-referrer" };

/** Asks whoever opens a mailed link whether they are its address. To open this page uses nothing up: programs that look at mails open links, too. */
export default async function Mailed({ searchParams }: { searchParams: SearchParams }) {
  const query = await searchParams;
  const [token_hash, type, email] = [one(query.token_hash) ?? "", one(query.type) ?? "", one(query.email)];
  if (token_hash === "" || !isLinkType(type)) redirect("/forgot-password?problem=link");
  const hidden = { token_hash, type, next: safeNextPath(one(query.next)) };
  const footer = <Link href="/sign-in" className={authLinkClasses}>Sign in with a password</Link>;
  if (type === "email_change") {
    return (
      <AuthPage title="Change the e-mail address" description="You asked for this change in your account. If it was not you, leave this page." footer={footer}>
        <AccountForm id="mailed" submit="Confirm the address" action={openMailedLinkAction} hidden={hidden} fields={[]} />
      </AuthPage>
    );
  }
  return (
    <AuthPage title="Sign in" description="A mailed link signs in whom it was sent to. If this is not your address, leave this page." footer={footer}>
      {email === undefined
        ? <AccountForm id="mailed" submit="Sign in" action={openMailedLinkAction} hidden={hidden} fields={[{ name: "email", label: "Your e-mail", autoComplete: "username" }]} />
        : <AccountForm id="mailed" submit={`Sign in as ${email}`} action={openMailedLinkAction} hidden={{ ...hidden, email }} fields={[]} />}
    </AuthPage>
  );
}
