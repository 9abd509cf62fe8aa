import type { Metadata } from "next";
import Link from "next/link";
import { one, type SearchParams } from "@/app/(control-room)/session.ts";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { words } from "@/lib/messages/auth";
import { forgotPasswordAction } from "./actions.ts";

export const metadata: Metadata = { title: words.forgotPasswordPage.forgotPassword };

export default async function ForgotPassword({ searchParams }: { searchParams: SearchParams }) {
  const used = one((await searchParams).problem) === "link";
  return (
    <AuthPage title={words.forgotPasswordPage.forgotPassword} description={used ? words.forgotPasswordPage.forgotPasswordDescription : words.forgotPasswordPage.aLinkToChoose} footer={<Link href="/sign-in" className={authLinkClasses}>{words.forgotPasswordPage.signIn}</Link>}>
      <AccountForm id="forgot" submit={words.forgotPasswordPage.sendTheLink} action={forgotPasswordAction} fields={[{ name: "email", label: words.forgotPasswordPage.email, autoComplete: "username" }]} />
    </AuthPage>
  );
}
