import type { Metadata } from "next";
import Link from "next/link";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { one, type SearchParams } from "@/app/(control-room)/session.ts";
import { safeNextPath } from "../sign-in/next-path.ts";
import { signUpAction } from "./actions.ts";
import { invitationToken } from "./invitation-token.ts";

export const metadata: Metadata = { title: "Create an account" };

export default async function SignUp({ searchParams }: { searchParams: SearchParams }) {
  const query = await searchParams;
  const next = safeNextPath(one(query.next));
  return (
    <AuthPage title="Create an account" description={invitationToken(next) === null ? "Accounts are made with the link of an invitation: open it first." : "Use the address that was invited."} footer={<Link href={`/sign-in?next=${encodeURIComponent(next)}`} className={authLinkClasses}>Sign in instead</Link>}>
      <AccountForm
        id="sign-up" submit="Create the account" action={signUpAction} hidden={{ next }}
        fields={[{ name: "email", label: "E-mail", autoComplete: "username" }, { name: "password", label: "Password", autoComplete: "new-password", description: "A long one; a password manager makes the best." }]}
      />
    </AuthPage>
  );
}
