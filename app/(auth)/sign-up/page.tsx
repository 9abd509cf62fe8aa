import type { Metadata } from "next";
import Link from "next/link";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { one, type SearchParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/auth";
import { safeNextPath } from "../sign-in/next-path.ts";
import { signUpAction } from "./actions.ts";
import { invitationToken } from "./invitation-token.ts";

export const metadata: Metadata = { title: words.signUpPage.createAnAccount };

export default async function SignUp({ searchParams }: { searchParams: SearchParams }) {
  const query = await searchParams;
  const next = safeNextPath(one(query.next));
  return (
    <AuthPage title={words.signUpPage.createAnAccount} description={invitationToken(next) === null ? words.signUpPage.createAnAccountDescription : words.signUpPage.useTheAddressThatWasInvited} footer={<Link href={`/sign-in?next=${encodeURIComponent(next)}`} className={authLinkClasses}>{words.signUpPage.signInInstead}</Link>}>
      <AccountForm
        id="sign-up" submit={words.signUpPage.createTheAccount} action={signUpAction} hidden={{ next }}
        fields={[{ name: "email", label: words.signUpPage.email, autoComplete: "username" }, { name: "password", label: words.signUpPage.password, autoComplete: "new-password", description: words.signUpPage.passwordDescription }]}
      />
    </AuthPage>
  );
}
