import type { Metadata } from "next";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage } from "@/components/auth/auth-page";
import { words } from "@/lib/messages/auth";
import { resetPasswordAction } from "./actions.ts";

export const metadata: Metadata = { title: words.resetPasswordPage.chooseANewPassword };

/** Reached by the link of a mail, which has signed the person in: proxy.ts lets nobody else here. */
export default function ResetPassword() {
  return (
    <AuthPage title={words.resetPasswordPage.chooseANewPassword} description={words.resetPasswordPage.youAreSignedOutEverywhereElse}>
      <AccountForm id="reset" submit={words.resetPasswordPage.saveThePassword} action={resetPasswordAction} fields={[{ name: "password", label: words.resetPasswordPage.newPassword, autoComplete: "new-password" }]} />
    </AuthPage>
  );
}
