import type { Metadata } from "next";
import Link from "next/link";
import { one, type SearchParams } from "@/app/(control-room)/session.ts";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { forgotPasswordAction } from "./actions.ts";

export const metadata: Metadata = { title: "Forgot password" };

export default async function ForgotPassword({ searchParams }: { searchParams: SearchParams }) {
  const used = one((await searchParams).problem) === "link";
  return (
    <AuthPage title="Forgot password" description={used ? "That link is used, expired, or was asked for in another browser. Ask for a new one." : "A link to choose a new one is sent to your address."} footer={<Link href="/sign-in" className={authLinkClasses}>Sign in</Link>}>
      <AccountForm id="forgot" submit="Send the link" action={forgotPasswordAction} fields={[{ name: "email", label: "E-mail", autoComplete: "username" }]} />
    </AuthPage>
  );
}
